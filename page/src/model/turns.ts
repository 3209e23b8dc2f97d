/** Who speaks when: turns of words, and of speech in which the engine found none, by the API's own rules. Pure. */
import { labelsOf, nameOf, type Names, type Text } from "./speakers";
import { findAt, type Paragraph, type Turn } from "./transcript";
import { byStart, PAUSE, type Wordless } from "./wordless";

/** A text with the speech in which the engine found no words. */
export type SpokenText = Text & { wordless: readonly Wordless[] };

/** In order, with names. */
export function turnsOf(text: SpokenText): Turn[] {
  const spoken = text.paragraphs.flatMap(({ speaker, words }) =>
    speaker ? words.map(({ start, end }) => ({ speaker, start, end })) : [],
  );
  const joined: Turn[] = [];
  for (const { speaker: label, start, end } of [...spoken, ...turnsWithoutWords(text)].sort(byStart)) {
    const speaker = nameOf(text.names, label);
    const last = joined.at(-1);
    if (last?.speaker === speaker && start - last.end < PAUSE) last.end = Math.max(last.end, end);
    else joined.push({ speaker, start, end });
  }
  return joined.map(({ speaker, start, end }) => ({ speaker, start: rounded(start), end: rounded(end) }));
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
