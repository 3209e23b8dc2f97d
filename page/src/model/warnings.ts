/** What a person should know of a text: the warnings of the API's answer, as the page keeps and shows them. Pure. */
import type { ApiTranscript } from "./paragraphs";

/** `lang` is the language of the message, where it is known. */
export type Warning = { code: string; message: string; lang?: string };

/** The page names no model: that another one translates is nothing that its person did not ask for. */
const UNASKED = "model_replaced";

/** Answers from before warnings had codes have sentences alone; Convex and the browser's store still hold some. */
export function warningsOf({ warnings = [] }: ApiTranscript, lang?: string): Warning[] {
  return warnings
    .map((one) => (typeof one === "string" ? { code: "note", message: one } : one))
    .filter(({ code, message }) => message && code !== UNASKED)
    .map(({ code, message }) => ({ code, message, ...(lang ? { lang } : {}) }));
}
