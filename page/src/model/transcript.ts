/** A transcript as the page holds it: paragraphs of plain text, and where in it each word stands and sounds. Pure. */

/** A word at `at` in its paragraph's text. Times are seconds on the recording's clock. */
export type Word = {
  at: number;
  length: number;
  start: number;
  end: number;
  /** The first word of a phrase, as the engine cut the text: subtitles and the API keep these borders. */
  opensSegment?: boolean;
  /** The engine was not certain of it. */
  isUnsure?: boolean;
};

export type Paragraph = { text: string; words: readonly Word[]; speaker?: string };

/** A phrase as the API takes and gives it. */
export type Segment = {
  start: number;
  end: number;
  text: string;
  avgLogprob?: number;
  speaker?: string;
  words?: readonly { word: string; start: number; end: number }[];
};

/** The time in which one speaker speaks, with words or without. */
export type Turn = { speaker: string; start: number; end: number };

export const startOf = ({ words }: Paragraph): number => words[0]?.start ?? 0;

export const endOf = ({ words }: Paragraph): number => words.at(-1)?.end ?? 0;

export const wordText = (paragraph: Paragraph, word: Word): string =>
  paragraph.text.slice(word.at, word.at + word.length);

/** The index of the word at an offset of the text, or of the nearest before it. */
export function wordAt({ words }: Paragraph, offset: number): number {
  return Math.max(
    0,
    lastIndex(words, (word) => word.at <= offset),
  );
}

/** The paragraph and the word that sound at a time, or the last before it; null before the first. */
export function findAt(paragraphs: readonly Paragraph[], time: number): { paragraph: number; word: number } | null {
  const paragraph = lastIndex(paragraphs, (one) => startOf(one) <= time);
  if (paragraph < 0) return null;
  const word = lastIndex(paragraphs[paragraph]!.words, ({ start }) => start <= time);
  return { paragraph, word: Math.max(0, word) };
}

/** The last index whose item holds; what holds must come before what does not. */
export function lastIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The phrases of a paragraph: what the API keeps, and what subtitles are made of. */
export function segmentsOf(paragraph: Paragraph): Segment[] {
  const { words, text, speaker } = paragraph;
  const firsts = words.flatMap((word, index) => (index === 0 || word.opensSegment ? [index] : []));
  return firsts.map((first, i) => {
    const own = words.slice(first, firsts[i + 1] ?? words.length);
    const next = words[firsts[i + 1] ?? words.length];
    return {
      start: own[0]!.start,
      end: own.at(-1)!.end,
      text: text.slice(i === 0 ? 0 : own[0]!.at, next?.at ?? text.length).trim(),
      words: own.map((word) => ({ word: wordText(paragraph, word), start: word.start, end: word.end })),
      ...(speaker ? { speaker } : {}),
    };
  });
}

/** The same phrases with times that only rise and end with the recording: the API takes no others. */
export function risingTimes(segments: readonly Segment[], duration: number): Segment[] {
  let clock = 0;
  const most = duration > 0 ? duration : Infinity;
  return segments.map((segment) => {
    const words = (segment.words ?? []).map(({ word, start, end }) => {
      const from = Math.min(Math.max(start, clock), most);
      clock = Math.min(Math.max(from, end), most);
      return { word, start: from, end: clock };
    });
    return { ...segment, words, start: words[0]?.start ?? clock, end: clock };
  });
}
