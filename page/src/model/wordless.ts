/**
 * Where somebody speaks and the engine found no words of theirs, while nobody or another one has some: what the turns
 * of the API's answer have beside the words. Pure.
 */
import type { ApiTranscript } from "./paragraphs";
import { nameOf, type Names } from "./speakers";
import { lastIndex, type Paragraph, type Segment, type Turn } from "./transcript";

/** Who gets the words of its speaker that sound at `near` gets it, too. */
export type Wordless = Turn & { near?: number };

export type Span = { start: number; end: number };

// Seconds.
export const PAUSE = 0.5; // a shorter one belongs to the turn
const LEAST = 0.005; // less is how times were rounded

export function wordlessOf(
  { segments = [], turns = [], speakers = {} }: ApiTranscript,
  paragraphs: readonly Paragraph[],
): Wordless[] {
  const words = wordsByName(paragraphs, speakers);
  const said = middlesBySpeaker(segments);
  return turns.flatMap(({ speaker, ...turn }) => {
    return partsBetween(words.get(nameOf(speakers, speaker)) ?? [], turn).map((part) => ({
      speaker,
      ...part,
      ...nearest(said.get(speaker) ?? [], middle(part)),
    }));
  });
}

/** Two labels of one name are one speaker, and have turns in common. */
function wordsByName(paragraphs: readonly Paragraph[], names: Names): Map<string, Span[]> {
  const words = new Map<string, Span[]>();
  for (const { speaker = "", words: spoken } of paragraphs) {
    const name = nameOf(names, speaker);
    const known = words.get(name);
    if (known) known.push(...spoken);
    else words.set(name, [...spoken]);
  }
  for (const spoken of words.values()) spoken.sort(byStart);
  return words;
}

/** When each speaker says a segment, in order; once, since a long recording has thousands of turns. */
function middlesBySpeaker(segments: readonly Segment[]): Map<string | undefined, number[]> {
  const middles = new Map<string | undefined, number[]>();
  for (const segment of segments) {
    const known = middles.get(segment.speaker);
    if (known) known.push(middle(segment));
    else middles.set(segment.speaker, [middle(segment)]);
  }
  for (const times of middles.values()) times.sort((one, other) => one - other);
  return middles;
}

/** The parts of a turn in which its speaker has no word; a pause between two words is none. */
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
  const at = lastIndex(times, (one) => one <= time);
  const [first, second] = times.slice(Math.max(at, 0), at + 2);
  if (first === undefined) return {};
  return { near: second !== undefined && second - time < time - first ? second : first };
}

export const byStart = (one: Span, other: Span): number => one.start - other.start;
const middle = ({ start, end }: Span): number => (start + end) / 2;
