/** Gives times to words that have none: they share a stretch of time by their letters. Pure. */
import type { Place } from "./tokens";
import type { Word } from "./transcript";

/** Seconds; a word that is put between two others takes so much, where there is room. */
const SHORTEST = 0.06;

export function shareTime(places: readonly Place[], from: number, to: number): Word[] {
  const letters = places.reduce((sum, { length }) => sum + length, 0) || 1;
  const span = Math.max(0, to - from);
  let passed = 0;
  return places.map(({ at, length }) => {
    const start = from + (span * passed) / letters;
    passed += length;
    return { at, length, start: round(start), end: round(from + (span * passed) / letters) };
  });
}

/**
 * The times of words that stand between `before` and `after`. `old` are the words that they replace. Where nothing is
 * replaced and no time is between, the word before gives some of its own.
 */
export function timeBetween(
  places: readonly Place[],
  old: readonly Word[],
  before: Word | undefined,
  after: Word | undefined,
): { words: Word[]; before: Word | undefined } {
  const needed = SHORTEST * places.length;
  const to = old.at(-1)?.end ?? after?.start ?? (before?.end ?? 0) + needed;
  let from = old[0]?.start ?? before?.end ?? Math.max(0, to - needed);
  from = Math.min(from, to);
  if (to - from >= needed || !before || places.length === 0) return { words: shareTime(places, from, to), before };
  from = Math.max(before.start, Math.min(from, to - needed));
  const shortened = { ...before, end: Math.max(before.start, Math.min(before.end, from)) };
  return { words: shareTime(places, from, to), before: shortened };
}

/** Milliseconds are what the API keeps. */
export const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;
