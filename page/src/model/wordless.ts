/**
 * Where somebody speaks and the engine found no words of theirs, while nobody or another one has some: what the turns
 * of the API's answer have beside the words. Pure.
 */
import type { ApiTranscript } from "./paragraphs";
import { lastIndex, type Paragraph, type Segment, type Turn } from "./transcript";

/** Who gets the words of its speaker that sound at `near` gets it, too. */
export type Wordless = Turn & { near?: number };

export type Span = { start: number; end: number };

// Seconds.
export const PAUSE = 0.5; // a shorter one belongs to the turn
const LEAST = 0.09; // no speech without words is shorter than 0.1

export function wordlessOf({ segments = [], turns = [] }: ApiTranscript, paragraphs: readonly Paragraph[]): Wordless[] {
  const words = wordsBySpeaker(paragraphs);
  const said = middlesBySpeaker(segments);
  return turns.flatMap(({ speaker, ...turn }) => {
    return partsBetween(words.get(speaker) ?? [], turn).map((part) => ({
      speaker,
      ...part,
      ...nearest(said.get(speaker) ?? [], middle(part)),
    }));
  });
}

function wordsBySpeaker(paragraphs: readonly Paragraph[]): Map<string | undefined, Span[]> {
  const words = new Map<string | undefined, Span[]>();
  for (const { speaker, words: spoken } of paragraphs) {
    const known = words.get(speaker);
    if (known) known.push(...spoken);
    else words.set(speaker, [...spoken]);
  }
  for (const spoken of words.values()) spoken.sort(byStart);
  return words;
}

/** When each speaker says a segment; once, since a long recording has thousands of turns. */
function middlesBySpeaker(segments: readonly Segment[]): Map<string | undefined, number[]> {
  const middles = new Map<string | undefined, number[]>();
  for (const segment of segments) {
    const known = middles.get(segment.speaker);
    if (known) known.push(middle(segment));
    else middles.set(segment.speaker, [middle(segment)]);
  }
  return middles;
}

/** The parts of a turn in which there is no word; a pause between two words is none. */
function partsBetween(words: readonly Span[], { start, end }: Span): Span[] {
  const parts: Span[] = [];
  let at = start;
  for (let i = lastIndex(words, (word) => word.end <= start) + 1; i < words.length && words[i]!.start < end; i += 1) {
    const word = words[i]!;
    if (word.start - at >= (at > start ? PAUSE : LEAST)) parts.push({ start: at, end: word.start });
    at = Math.max(at, word.end);
  }
  return end - at >= LEAST ? [...parts, { start: at, end }] : parts;
}

function nearest(times: readonly number[], time: number): { near?: number } {
  const [first, ...others] = times;
  if (first === undefined) return {};
  return { near: others.reduce((best, one) => (Math.abs(one - time) < Math.abs(best - time) ? one : best), first) };
}

export const byStart = (one: Span, other: Span): number => one.start - other.start;
const middle = ({ start, end }: Span): number => (start + end) / 2;
