/** Text → the places of its words. Between spaces; in scripts without spaces, as the browser divides them. Pure. */

export type Place = { at: number; length: number };

// Scripts that put no space between words.
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

export function findWords(text: string): Place[] {
  const places: Place[] = [];
  for (const { 0: token, index } of text.matchAll(/\S+/g)) {
    if (UNSPACED.test(token)) places.push(...divide(token, index));
    else places.push({ at: index, length: token.length });
  }
  return places;
}

/** A punctuation mark belongs to the word before it. */
function divide(token: string, offset: number): Place[] {
  const places: Place[] = [];
  for (const { segment, index, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(token)) {
    const last = places.at(-1);
    if (isWordLike || !last) places.push({ at: offset + index, length: segment.length });
    else last.length += segment.length;
  }
  return places;
}

/** A word as it is compared: without case, marks and accents' variants. */
export const normalise = (word: string): string =>
  word
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
