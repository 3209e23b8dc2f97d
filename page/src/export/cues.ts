/** Paragraphs → subtitle cues that can be read: two lines of 42 letters, seven seconds, divided between words. Pure. */
import { type Paragraph, type Word, wordText } from "../model/transcript";

export type Cue = { start: number; end: number; lines: string[]; speaker?: string };

const LINE = 42;
const MOST_LETTERS = 2 * LINE;
// Seconds.
const LONGEST = 7;
const SHORTEST = 0.8;
const PAUSE = 0.6;

export function toCues(paragraphs: readonly Paragraph[]): Cue[] {
  const cues = paragraphs.flatMap((paragraph) => divide(paragraph).map((words) => toCue(paragraph, words)));
  return cues.map((cue, i) => ({
    ...cue,
    end: Math.max(cue.end, Math.min(cue.start + SHORTEST, cues[i + 1]?.start ?? Infinity)),
  }));
}

/** The same with the speaker's name before what each says, as formats have it that know no speakers. */
export function sayNames(paragraphs: readonly Paragraph[]): Paragraph[] {
  return paragraphs.map((paragraph, index) => {
    const [first, ...others] = paragraph.words;
    if (!paragraph.speaker || !first || paragraphs[index - 1]?.speaker === paragraph.speaker) return paragraph;
    const name = `${paragraph.speaker}: `;
    const words = [
      { ...first, at: 0, length: name.length + first.at + first.length },
      ...others.map((word) => ({ ...word, at: word.at + name.length })),
    ];
    return { ...paragraph, text: name + paragraph.text, words };
  });
}

/** A cue ends where the next word does not fit, at a pause, or at the end of a sentence once a line is full. */
function divide(paragraph: Paragraph): Word[][] {
  const groups: Word[][] = [];
  for (const word of paragraph.words) {
    const group = groups.at(-1);
    const first = group?.[0];
    const last = group?.at(-1);
    const isFull =
      first && last && (word.at + word.length - first.at > MOST_LETTERS || word.end - first.start > LONGEST);
    const isBreak = first && last && (word.start - last.end > PAUSE || endsSentence(paragraph, first, last));
    if (!group || isFull || isBreak || !fits(paragraph, [...group, word])) groups.push([word]);
    else group.push(word);
  }
  return groups;
}

const endsSentence = (paragraph: Paragraph, first: Word, last: Word): boolean =>
  last.at + last.length - first.at >= LINE / 2 && /[.!?…。！？]["'»”)]?$/.test(wordText(paragraph, last));

const textOf = (paragraph: Paragraph, words: readonly Word[]): string =>
  paragraph.text.slice(words[0]!.at, words.at(-1)!.at + words.at(-1)!.length);

const fits = (paragraph: Paragraph, words: readonly Word[]): boolean => wrap(textOf(paragraph, words)).length <= 2;

function toCue(paragraph: Paragraph, words: readonly Word[]): Cue {
  const { speaker } = paragraph;
  const cue = { start: words[0]!.start, end: words.at(-1)!.end, lines: wrap(textOf(paragraph, words)) };
  return speaker ? { ...cue, speaker } : cue;
}

/** Two lines of about the same length where one is not enough. */
function wrap(text: string): string[] {
  if (text.length <= LINE) return [text];
  const spaces = [...text.matchAll(/\s+/g)].map(({ index }) => index);
  const fitting = spaces.filter((at) => at <= LINE && text.length - at - 1 <= LINE);
  const middle = fitting.sort((a, b) => Math.abs(a - text.length / 2) - Math.abs(b - text.length / 2))[0];
  if (middle === undefined) return spaces.length > 0 || text.length > MOST_LETTERS ? [text, "", ""] : halves(text);
  return [text.slice(0, middle), text.slice(middle).trimStart()];
}

/** A text without spaces. */
const halves = (text: string): string[] => [text.slice(0, LINE), text.slice(LINE)];
