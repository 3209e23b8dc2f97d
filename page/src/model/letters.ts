/** What two versions of a text are compared by. Pure. */
import type { Text } from "./speakers";

/** With who says them, and without spaces: the API joins phrases by its own. */
export const lettersOf = ({ paragraphs }: Pick<Text, "paragraphs">): string =>
  paragraphs
    .map(({ text, speaker }, i) => (speaker === paragraphs[i - 1]?.speaker ? text : `\u0000${speaker}\u0000${text}`))
    .join("")
    .replace(/\s+/g, "");
