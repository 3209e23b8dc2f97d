/** Who speaks when: turns of words, and of speech without words or beside another's, by the API's own rules. Pure. */
import { labelsOf, nameOf, type Names, type Text } from "./speakers";
import { findAt, lastIndex, type Paragraph, type Turn } from "./transcript";
import { byStart, PAUSE, type Wordless } from "./wordless";

/** A text with the speech in which the engine found no words. */
export type SpokenText = Text & { wordless: readonly Wordless[] };

/** In order of their starts, with names; of two speakers at once each has one. */
export function turnsOf(text: SpokenText): Turn[] {
  const spoken = text.paragraphs.flatMap(({ speaker, words }) =>
    speaker ? words.map(({ start, end }) => ({ speaker, start, end })) : [],
  );
  const joined: Turn[] = [];
  const lastOf = new Map<string, number>();
  for (const { speaker: label, start, end } of [...spoken, ...turnsWithoutWords(text)].sort(byStart)) {
    const speaker = nameOf(text.names, label);
    const last = lastOf.get(speaker);
    if (last !== undefined && goesOn(joined, last, start)) joined[last]!.end = Math.max(joined[last]!.end, end);
    else lastOf.set(speaker, joined.push({ speaker, start, end }) - 1);
  }
  return joined.map(({ speaker, start, end }) => ({ speaker, start: rounded(start), end: rounded(end) }));
}

/** Whether what begins at `start` belongs to a turn: the pause is short, and no turn begins in it. */
function goesOn(turns: readonly Turn[], last: number, start: number): boolean {
  const { end } = turns[last]!;
  const lastBefore = lastIndex(turns, (turn) => turn.start < end);
  const next = turns[Math.max(last, lastBefore) + 1];
  return start - end < PAUSE && (!next || next.start >= start);
}

/** By who has the words near them now; none where a person has taken the speaker of all words away. */
function turnsWithoutWords({ paragraphs, wordless }: SpokenText): Turn[] {
  const filled = paragraphs.filter(hasWords);
  if (labelsOf(filled).length === 0 && wordless.some(({ near }) => near !== undefined)) return [];
  return wordless.map(({ speaker, near, ...span }) => {
    const place = near === undefined ? null : findAt(filled, near);
    return { speaker: (place && filled[place.paragraph]?.speaker) ?? speaker, ...span };
  });
}

/** The names of labels that still occur: the API takes no others. */
export function namesInUse(text: SpokenText): Names {
  const silent = turnsWithoutWords(text).map(({ speaker }) => speaker);
  const labels = new Set([...labelsOf(text.paragraphs.filter(hasWords)), ...silent]);
  return Object.fromEntries(Object.entries(text.names).filter(([label]) => labels.has(label)));
}

const hasWords = ({ words }: Paragraph): boolean => words.length > 0;

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;
