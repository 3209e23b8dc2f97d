/**
 * A paragraph after its text was edited: words that are still there keep their times, the others share the gaps. What
 * stands before and after the change is not even compared; in between, the longest common subsequence decides. Pure.
 */
import { timeBetween } from "./timing";
import { findWords, normalise, type Place } from "./tokens";
import type { Paragraph, Word } from "./transcript";

export function retime(paragraph: Paragraph, text: string): Paragraph {
  const { words } = paragraph;
  const prefix = commonPrefix(paragraph.text, text);
  const suffix = commonSuffix(paragraph.text, text, prefix);
  const shift = text.length - paragraph.text.length;
  const first = countWhile(words, (word) => isBefore(word, prefix, paragraph.text, text));
  const last = Math.max(
    first,
    words.length - countWhile([...words].reverse(), (word) => isAfter(word, suffix, paragraph.text, text)),
  );
  const head = words.slice(0, first);
  const tail = words.slice(last).map((word) => ({ ...word, at: word.at + shift }));
  const from = head.length ? head.at(-1)!.at + head.at(-1)!.length : 0;
  const places = findWords(text.slice(from, tail[0]?.at ?? text.length)).map(({ at, length }) => ({
    at: at + from,
    length,
  }));
  const middle = alignWords(paragraph, words.slice(first, last), text, places, head, tail[0]);
  return { ...paragraph, text, words: keepBorders(words, first, last, [...middle, ...tail], middle.length) };
}

/** A word in the common prefix is unchanged where a space, or nothing, follows it in both texts. */
function isBefore(word: Word, prefix: number, before: string, after: string): boolean {
  const end = word.at + word.length;
  return end < prefix || (end === prefix && isBorder(before[end]) && isBorder(after[end]));
}

function isAfter(word: Word, suffix: number, before: string, after: string): boolean {
  const tail = before.length - word.at;
  if (tail > suffix) return false;
  return tail < suffix || (isBorder(before[word.at - 1]) && isBorder(after[after.length - tail - 1]));
}

const isBorder = (letter: string | undefined): boolean => letter === undefined || /\s/.test(letter);

/** The words of the head, the last perhaps shortened, and those at `places`. */
function alignWords(
  paragraph: Paragraph,
  old: readonly Word[],
  text: string,
  places: readonly Place[],
  head: readonly Word[],
  after: Word | undefined,
): Word[] {
  const oldKeys = old.map(({ at, length }) => normalise(paragraph.text.slice(at, at + length)));
  const newKeys = places.map(({ at, length }) => normalise(text.slice(at, at + length)));
  const words = [...head];
  let nextOld = 0;
  let nextNew = 0;
  const fill = (toOld: number, toNew: number, follower: Word | undefined) => {
    const timed = timeBetween(places.slice(nextNew, toNew), old.slice(nextOld, toOld), words.at(-1), follower);
    if (timed.before) words[words.length - 1] = timed.before;
    words.push(...timed.words);
  };
  for (const [i, j] of commonSubsequence(oldKeys, newKeys)) {
    fill(i, j, old[i]);
    words.push({ ...old[i]!, ...places[j]! });
    [nextOld, nextNew] = [i + 1, j + 1];
  }
  fill(old.length, places.length, after);
  return words;
}

/** A phrase whose first word was replaced or removed begins at the next word. */
function keepBorders(old: readonly Word[], first: number, last: number, words: Word[], middleEnd: number): Word[] {
  const borders = old.slice(first, last).filter(({ opensSegment }) => opensSegment).length;
  const kept = words.slice(first, middleEnd).filter(({ opensSegment }) => opensSegment).length;
  if (borders > kept && words[first]) words[first] = { ...words[first]!, opensSegment: true };
  return words;
}

/** Pairs of indices of a longest common subsequence, rising. */
export function commonSubsequence(a: readonly string[], b: readonly string[]): Array<[number, number]> {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  const pairs: Array<[number, number]> = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i += 1;
    else j += 1;
  }
  return pairs;
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

/** As long as it does not reach into the prefix. */
function commonSuffix(a: string, b: string, prefix: number): number {
  const most = Math.min(a.length, b.length) - prefix;
  let length = 0;
  while (length < most && a[a.length - 1 - length] === b[b.length - 1 - length]) length += 1;
  return length;
}

function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const index = items.findIndex((item) => !holds(item));
  return index < 0 ? items.length : index;
}
