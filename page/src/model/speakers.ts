/**
 * Who speaks: each paragraph has a label ("A"), and a label may have a name that a person gave it. Two labels of one name
 * are one speaker, as the API has it: that is how speakers are merged. Pure.
 */
import type { Change } from "./editing";
import type { Paragraph, Turn } from "./transcript";

/** By label; a label without a name is shown itself. */
export type Names = Readonly<Record<string, string>>;
export type Text = { paragraphs: readonly Paragraph[]; names: Names };

/** What the API takes. */
export const LONGEST_NAME = 80;

export const nameOf = (names: Names, label: string): string => (Object.hasOwn(names, label) ? names[label]! : label);

/** In the order of first speech. */
export const labelsOf = (paragraphs: readonly Paragraph[]): string[] => [
  ...new Set(paragraphs.flatMap(({ speaker }) => speaker ?? [])),
];

/** Without those that are the label itself: the API answers with a name for every label. */
export const givenNames = (names: Names = {}): Names =>
  Object.fromEntries(Object.entries(names).filter(([label, name]) => name !== label));

export const isSameNames = (some: Names, others: Names): boolean =>
  Object.keys(some).length === Object.keys(others).length &&
  Object.keys(some).every((label) => nameOf(some, label) === nameOf(others, label));

/** Null where nothing would change. An empty name gives the label back. */
export function rename({ names }: Text, label: string, name: string): Change | null {
  const clean = name.replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME).trim();
  const after = givenNames({ ...names, [label]: clean || label });
  return isSameNames(names, after) ? null : { index: 0, before: [], after: [], names: { before: names, after } };
}

/** From now on both have the name of `into`. */
export const mergeSpeakers = (text: Text, label: string, into: string): Change | null =>
  rename(text, label, nameOf(text.names, into));

/** This paragraph alone is said by `label`; null where it is already. */
export function assign(paragraphs: readonly Paragraph[], index: number, label: string): Change | null {
  const before = paragraphs[index];
  if (!before || before.speaker === label) return null;
  return { index, before: [before], after: [{ ...before, speaker: label }] };
}

/** The first letter that nobody has, also nobody who says no word; after Z two letters. */
export function newLabel(paragraphs: readonly Paragraph[], wordless: readonly Turn[]): string {
  const used = new Set([...labelsOf(paragraphs), ...wordless.map(({ speaker }) => speaker)]);
  for (let number = 0; ; number += 1) {
    const label = (number >= 26 ? letter(Math.floor(number / 26) - 1) : "") + letter(number % 26);
    if (!used.has(label)) return label;
  }
}

const letter = (number: number): string => String.fromCharCode(65 + (number % 26));

/** As files have it: names in place of labels. */
export const withNames = ({ paragraphs, names }: Text): Paragraph[] =>
  paragraphs.map((paragraph) =>
    paragraph.speaker ? { ...paragraph, speaker: nameOf(names, paragraph.speaker) } : paragraph,
  );
