/** The moments that a person marked while recording, as the files of a text have them. */
import { readMarks } from "../store/marks";
import { messages } from "../text/language";
import type { Marks } from "./formats";

/** Null where nothing is marked. */
export function marksOf(jobId: string): Marks | null {
  const seconds = readMarks(jobId);
  return seconds.length > 0 ? { title: messages().marks, seconds } : null;
}
