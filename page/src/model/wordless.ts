/** Where somebody speaks and the engine found no words: what the turns of the API's answer have beside them. Pure. */
import type { ApiTranscript } from "./paragraphs";
import type { Paragraph, Segment, Turn } from "./transcript";

/** Who gets the words of its speaker that sound at `near` gets it, too. */
export type Wordless = Turn & { near?: number };

export type Span = { start: number; end: number };

// Seconds.
export const PAUSE = 0.5; // a shorter one belongs to the turn
const LEAST = 0.25; // no speech without words is shorter

export function wordlessOf({ segments = [], turns = [] }: ApiTranscript, paragraphs: readonly Paragraph[]): Wordless[] {
  const words = paragraphs.flatMap((paragraph) => paragraph.words).sort(byStart);
  const said = middlesBySpeaker(segments);
  let first = 0;
  return turns.flatMap(({ speaker, ...turn }) => {
    while (first < words.length && words[first]!.end <= turn.start) first += 1;
    return partsBetween(words, first, turn).map((part) => ({
      speaker,
      ...part,
      ...nearest(said.get(speaker) ?? [], middle(part)),
    }));
  });
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
function partsBetween(words: readonly Span[], first: number, { start, end }: Span): Span[] {
  const parts: Span[] = [];
  let at = start;
  for (let i = first; i < words.length && words[i]!.start < end; i += 1) {
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
