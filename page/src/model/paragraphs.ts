/** The API's transcript → paragraphs, divided at pauses and ends of sentences. Pure. */
import { shareTime } from "./timing";
import { findWords, type Place } from "./tokens";
import type { Paragraph, Segment, Turn, Word } from "./transcript";

export type ApiTranscript = {
  segments?: readonly Segment[];
  words?: readonly ApiWord[];
  duration?: number;
  text?: string;
  /** Everybody's name by label. */
  speakers?: Readonly<Record<string, string>>;
  turns?: readonly Turn[];
  warnings?: readonly (string | { code: string; message: string })[];
};
type ApiWord = { word: string; start: number; end: number };

/** A phrase with the places and times of its words. */
type Phrase = { text: string; words: Word[]; speaker: string | undefined };

/** Mean log probability of a phrase below which people find more errors than elsewhere. */
const UNSURE = -0.7;

// Seconds and words.
const LONG_PAUSE = 2;
const PAUSE = 0.7;
const ENOUGH = 35;
const MANY = 90;
/** More make a correction slow. */
const MOST = 150;

export function toParagraphs(transcript: ApiTranscript): Paragraph[] {
  return group(toPhrases(transcript));
}

function toPhrases({ segments, words, duration, text }: ApiTranscript): Phrase[] {
  const source =
    segments?.length || !text ? (segments ?? []) : [{ start: 0, end: duration ?? 0, text } satisfies Segment];
  let rest = words ?? [];
  return source.flatMap((segment) => {
    const clean = segment.text.replace(/\s+/g, " ").trim();
    if (!clean) return [];
    const placed = placeWords(clean, segment.words ?? rest.slice(0, clean.length));
    if (!segment.words) rest = rest.slice(placed.used);
    return [{ text: clean, words: complete(clean, placed.words, segment), speaker: segment.speaker }];
  });
}

/** Finds words in their phrase, in order. A word that is not near belongs to another phrase. */
function placeWords(text: string, words: readonly ApiWord[]): { words: Word[]; used: number } {
  const found: Word[] = [];
  let cursor = 0;
  let used = 0;
  for (const { word, start, end } of words) {
    const token = word.trim();
    const at = token ? text.indexOf(token, cursor) : -1;
    if (!token) used += 1;
    else if (at < 0 || at > cursor + 40) break;
    else {
      found.push({ at, length: token.length, start, end });
      cursor = at + token.length;
      used += 1;
    }
  }
  return { words: found, used };
}

/** Every word of the text has a place and a time; letters that no timed word covers share what is between. */
function complete(text: string, placed: Word[], segment: Segment): Word[] {
  const words: Word[] = [];
  let cursor = 0;
  const fill = (to: number, until: number) => {
    const places = findWords(text.slice(cursor, to)).map((place) => ({ ...place, at: place.at + cursor }));
    const last = words.at(-1);
    const [first, ...others] = places;
    // A mark right behind a word is part of it.
    if (first && last && first.at === last.at + last.length) words[words.length - 1] = join(last, first);
    else if (first) others.unshift(first);
    words.push(...shareTime(others, words.at(-1)?.end ?? segment.start, until));
  };
  for (const word of placed) {
    fill(word.at, word.start);
    words.push(word);
    cursor = word.at + word.length;
  }
  fill(text.length, segment.end);
  const isUnsure = (segment.avgLogprob ?? 0) < UNSURE;
  return words.map((word, i) => ({
    ...word,
    ...(i === 0 ? { opensSegment: true } : {}),
    ...(isUnsure ? { isUnsure } : {}),
  }));
}

const join = (word: Word, { length }: Place): Word => ({ ...word, length: word.length + length });

function group(phrases: readonly Phrase[]): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  for (const phrase of phrases.flatMap(divideLong)) {
    const last = paragraphs.at(-1);
    if (last && !isBreak(last, phrase)) paragraphs[paragraphs.length - 1] = append(last, phrase);
    else paragraphs.push(toParagraph(phrase));
  }
  return paragraphs;
}

const toParagraph = ({ text, words, speaker }: Phrase): Paragraph => ({ text, words, ...(speaker ? { speaker } : {}) });

function isBreak(paragraph: Paragraph, { words, speaker }: Phrase): boolean {
  const pause = (words[0]?.start ?? 0) - (paragraph.words.at(-1)?.end ?? 0);
  const count = paragraph.words.length;
  const isSentenceEnd = /[.!?…。！？]["'»”)]?$/.test(paragraph.text);
  if (paragraph.speaker !== speaker || pause >= LONG_PAUSE || count + words.length > MOST) return true;
  return isSentenceEnd && ((count >= ENOUGH && pause >= PAUSE) || count >= MANY);
}

export function append(paragraph: Paragraph, next: Pick<Paragraph, "text" | "words">): Paragraph {
  const shift = paragraph.text.length + 1;
  const words = next.words.map((word) => ({ ...word, at: word.at + shift }));
  return { ...paragraph, text: `${paragraph.text} ${next.text}`, words: [...paragraph.words, ...words] };
}

/** A phrase without an end, such as a text without times, is divided all the same. */
function divideLong(phrase: Phrase): Phrase[] {
  if (phrase.words.length <= MOST) return [phrase];
  const border = phrase.words[MOST]!.at;
  const rest = phrase.words.slice(MOST).map((word) => ({ ...word, at: word.at - border }));
  return [
    { ...phrase, text: phrase.text.slice(0, border).trimEnd(), words: phrase.words.slice(0, MOST) },
    ...divideLong({ ...phrase, text: phrase.text.slice(border), words: rest }),
  ];
}
