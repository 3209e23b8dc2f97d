/** Keeps the words on the screen where they are while the text around them is replaced, as when its speakers come. */
import type { Change } from "../model/editing";
import { findAt, type Paragraph, type Word } from "../model/transcript";
import type { TextDom } from "./textDom";

export function keepPlace(dom: TextDom, change: Change, apply: () => void): void {
  const isReplaced = change.names !== undefined && change.before.length !== change.after.length;
  const seen = isReplaced && scrollY > 0 ? firstInSight(dom, change) : null;
  apply();
  const place = seen && findAt(change.after, seen.start);
  const word = place && change.after[place.paragraph]?.words[place.word];
  const top = place && word ? topOf(dom, change.index + place.paragraph, word) : null;
  if (seen && top !== null) scrollBy({ top: top - seen.top, behavior: "instant" });
}

/** The first word below the upper edge of the window, and how far below it is. */
function firstInSight(dom: TextDom, { index, before }: Change): { start: number; top: number } | null {
  const at = before.findIndex((_, i) => (dom.row(index + i)?.getBoundingClientRect().bottom ?? 0) > 0);
  for (const word of (before[at] as Paragraph | undefined)?.words ?? []) {
    const top = topOf(dom, index + at, word);
    if (top !== null && top >= 0) return { start: word.start, top };
  }
  return null;
}

const topOf = (dom: TextDom, paragraph: number, { at, length }: Word): number | null =>
  dom.range(paragraph, at, length)?.getBoundingClientRect().top ?? null;
