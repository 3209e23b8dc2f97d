/** Who speaks when: turns of words, and of speech in which the engine found none, by the API's own rules. Pure. */
import { nameOf, type Text } from "./speakers";
import { findAt, type Paragraph, type Turn } from "./transcript";
import { byStart, PAUSE, type Wordless } from "./wordless";

/** In order, with names; none where a person has taken the speaker of all words away. */
export function turnsOf(text: Text, wordless: readonly Wordless[]): Turn[] {
  const spoken = text.paragraphs.flatMap(({ speaker, words }) =>
    speaker ? words.map(({ start, end }) => ({ speaker, start, end })) : [],
  );
  if (!spoken.length && wordless.some(({ near }) => near !== undefined)) return [];
  const joined: Turn[] = [];
  for (const { speaker: label, start, end } of [...spoken, ...follow(wordless, text.paragraphs)].sort(byStart)) {
    const speaker = nameOf(text.names, label);
    const last = joined.at(-1);
    if (last?.speaker === speaker && start - last.end < PAUSE) last.end = Math.max(last.end, end);
    else joined.push({ speaker, start, end });
  }
  return joined.map(({ speaker, start, end }) => ({ speaker, start: rounded(start), end: rounded(end) }));
}

/** Speech without words by who has the words near it now. */
const follow = (wordless: readonly Wordless[], paragraphs: readonly Paragraph[]): Turn[] =>
  wordless.map(({ speaker, near, ...span }) => {
    const place = near === undefined ? null : findAt(paragraphs, near);
    return { speaker: (place && paragraphs[place.paragraph]?.speaker) ?? speaker, ...span };
  });

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;
