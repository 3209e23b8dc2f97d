/** Finds letters in all paragraphs, without case and accents. Pure. */
import type { Hit } from "../model/editing";
import type { Paragraph } from "../model/transcript";

export type { Hit };

/** More are not shown one by one. */
const MOST = 5_000;

export function findAll(paragraphs: readonly Paragraph[], search: string): Hit[] {
  const wanted = foldLetters(search.trim());
  const hits: Hit[] = [];
  if (!wanted) return hits;
  for (const [paragraph, { text }] of paragraphs.entries()) {
    const folded = foldLetters(text);
    for (
      let at = folded.indexOf(wanted);
      at >= 0 && hits.length < MOST;
      at = folded.indexOf(wanted, at + wanted.length)
    )
      hits.push({ paragraph, at, length: wanted.length });
  }
  return hits;
}

/** Letter by letter, so that offsets stay the same. */
export const foldLetters = (text: string): string =>
  /^[\u0000-\u007f]*$/.test(text)
    ? text.toLowerCase()
    : Array.from({ length: text.length }, (_, i) => fold(text[i]!)).join("");

const fold = (letter: string): string => letter.normalize("NFD")[0]!.toLowerCase()[0]!;
