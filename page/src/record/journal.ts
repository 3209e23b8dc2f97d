/**
 * What is kept beside the sound of a recording: lines of JSON that are only ever appended, so that a browser that dies
 * while it writes can spoil the last line and nothing else. Pure.
 */

export type JournalLine =
  | { begin: { startedAt: number; mimeType: string } }
  /** So many seconds are in the file now. */
  | { written: number }
  /** A moment that the person marked, in seconds of the recording. */
  | { mark: number };

export type Journal = { startedAt: number; mimeType: string; seconds: number; marks: readonly number[] };

export const formatLine = (line: JournalLine): string => `${JSON.stringify(line)}\n`;

/** Null where not even the first line is whole: then there is no sound either. */
export function parseJournal(text: string): Journal | null {
  const [first, ...rest] = text.split("\n").map(parseLine);
  if (!first || !("begin" in first)) return null;
  let journal: Journal = { ...first.begin, seconds: 0, marks: [] };
  for (const line of rest) {
    if (line && "written" in line) journal = { ...journal, seconds: line.written };
    else if (line && "mark" in line) journal = { ...journal, marks: [...journal.marks, line.mark] };
  }
  return journal;
}

function parseLine(line: string): JournalLine | null {
  try {
    return JSON.parse(line) as JournalLine;
  } catch {
    return null;
  }
}
