/** The dashboard's sentences in the language of the page. */
import { inLanguage, useMessages } from "../text/language";
import { type AdminText, en } from "./en";
import { es } from "./es";

export type { AdminText };

export function useAdminText(): AdminText & { language: "en" | "es" } {
  const { language } = useMessages();
  return { ...inLanguage({ en, es }, language), language };
}
