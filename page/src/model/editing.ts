/** What a person can change in a transcript, as functions from paragraphs to paragraphs. Pure. */
import { append } from "./paragraphs";
import { retime } from "./retime";
import type { Names } from "./speakers";
import type { Paragraph, Word } from "./transcript";

/** What stood at `index`, and what stands there now: undo puts `before` back, redo `after`. `names` where they change. */
export type Change = {
  index: number;
  before: readonly Paragraph[];
  after: readonly Paragraph[];
  names?: { before: Names; after: Names };
};

export function apply(paragraphs: readonly Paragraph[], { index, before, after }: Change): Paragraph[] {
  return [...paragraphs.slice(0, index), ...after, ...paragraphs.slice(index + before.length)];
}

export const invert = ({ index, before, after, names }: Change): Change => ({
  ...{ index, before: after, after: before },
  ...(names ? { names: { before: names.after, after: names.before } } : {}),
});

/** Line breaks become spaces: a paragraph is one line. */
export const cleanText = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ").replace(/\u00a0/g, " ");

export function rewrite(paragraphs: readonly Paragraph[], index: number, text: string): Change {
  const before = paragraphs[index]!;
  return { index, before: [before], after: [retime(before, cleanText(text))] };
}

/** Null where one of the halves would have no word. */
export function split(paragraphs: readonly Paragraph[], index: number, offset: number): Change | null {
  const whole = paragraphs[index]!;
  const left = whole.words.filter((word) => word.at < offset);
  const right = whole.words.filter((word) => word.at >= offset);
  const cut = right[0]?.at;
  if (left.length === 0 || cut === undefined) return null;
  const words = right.map((word): Word => ({ ...word, at: word.at - cut }));
  words[0] = { ...words[0]!, opensSegment: true };
  return {
    index,
    before: [whole],
    after: [
      { ...whole, text: whole.text.slice(0, cut).trimEnd(), words: left },
      { ...whole, text: whole.text.slice(cut), words },
    ],
  };
}

/** With the paragraph before it; null for the first. */
export function merge(paragraphs: readonly Paragraph[], index: number): Change | null {
  const [left, right] = [paragraphs[index - 1], paragraphs[index]];
  if (!left || !right) return null;
  const empty = left.text === "" ? right : right.text === "" ? left : null;
  return { index: index - 1, before: [left, right], after: [empty ?? append(left, right)] };
}

/** Letters at a place of a paragraph. */
export type Hit = { paragraph: number; at: number; length: number };

/** One change from the first to the last paragraph with a hit; null where there is none. */
export function replaceAll(paragraphs: readonly Paragraph[], hits: readonly Hit[], by: string): Change | null {
  const places = new Map<number, Hit[]>();
  for (const hit of hits) places.set(hit.paragraph, [...(places.get(hit.paragraph) ?? []), hit]);
  if (places.size === 0) return null;
  const [first, last] = [Math.min(...places.keys()), Math.max(...places.keys())];
  const before = paragraphs.slice(first, last + 1);
  const after = before.map((paragraph, i) => {
    const own = places.get(first + i);
    return own ? retime(paragraph, cleanText(replaceIn(paragraph.text, own, by))) : paragraph;
  });
  return { index: first, before, after: after.filter(({ text }) => text.trim() !== "") };
}

function replaceIn(text: string, hits: readonly Hit[], by: string): string {
  return [...hits]
    .reverse()
    .reduce((result, { at, length }) => result.slice(0, at) + by + result.slice(at + length), text);
}
