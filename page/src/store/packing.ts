/**
 * Paragraphs as they are stored: the numbers of all words of one in an array of numbers. Copying 40,000 objects into the
 * store would hold up the page for tens of milliseconds at each correction; 600 arrays take one. Pure.
 */
import type { Paragraph, Word } from "../model/transcript";

export type PackedParagraph = { text: string; speaker?: string; numbers: Float64Array };

const FIELDS = 5;
const OPENS = 1;
const UNSURE = 2;

/** A paragraph that was packed once is not packed again: a correction changes one of them. */
const known = new WeakMap<Paragraph, PackedParagraph>();

export function pack(paragraph: Paragraph): PackedParagraph {
  const found = known.get(paragraph);
  if (found) return found;
  const numbers = new Float64Array(paragraph.words.length * FIELDS);
  paragraph.words.forEach(({ at, length, start, end, opensSegment, isUnsure }, i) => {
    numbers.set([at, length, start, end, (opensSegment ? OPENS : 0) + (isUnsure ? UNSURE : 0)], i * FIELDS);
  });
  const { text, speaker } = paragraph;
  const packed = { text, ...(speaker ? { speaker } : {}), numbers };
  known.set(paragraph, packed);
  return packed;
}

export function unpack({ text, speaker, numbers }: PackedParagraph): Paragraph {
  const words = Array.from({ length: numbers.length / FIELDS }, (_, i): Word => {
    const [at, length, start, end, flags] = numbers.subarray(i * FIELDS, (i + 1) * FIELDS) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      ...{ at, length, start, end },
      ...(flags & OPENS ? { opensSegment: true } : {}),
      ...(flags & UNSURE ? { isUnsure: true } : {}),
    };
  });
  return { text, ...(speaker ? { speaker } : {}), words };
}
