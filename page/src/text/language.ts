/** The language of the page: the person's choice, else the browser's; Spanish or English. */
import { useSignal } from "../app/signal";
import { preferences } from "../store/preferences";
import { en, type Messages } from "./en";
import { es } from "./es";

export type Language = "en" | "es";

export const browserLanguage = (): Language => (/^es\b/i.test(navigator.language) ? "es" : "en");

export const currentLanguage = (): Language => preferences.value.language ?? browserLanguage();

export function useMessages(): Messages & { language: Language } {
  const language = useSignal(preferences).language ?? browserLanguage();
  return { ...inLanguage({ en, es }, language), language };
}

export const messages = (): Messages => inLanguage({ en, es });

/** What there is in both languages, in one. */
export const inLanguage = <T>(texts: Readonly<Record<Language, T>>, language = currentLanguage()): T => texts[language];
