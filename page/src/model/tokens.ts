/**
 * Text → the places of its words: between spaces, in scripts without spaces as the browser divides them. And two texts
 * that follow each other → one. Pure.
 */

export type Place = { at: number; length: number };

// Scripts that put no space between words.
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;
/** Wide punctuation brings its own space. */
const WIDE = /[\u3000-\u303f\uff00-\uff65]/u;

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

/** Both as one text, with a space between where their script has one; as the server joins pieces (text/tokens.py). */
export function concatenate(left: string, right: string): string {
  const isTight = [left.at(-1), right[0]].some((beside) => !beside || UNSPACED.test(beside) || WIDE.test(beside));
  return isTight ? left + right : `${left} ${right}`;
}

/** A word as it is compared: without case, marks and accents' variants. */
export const normalise = (word: string): string =>
  word
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
