/** The open text as the files of `export/` want it. */
import type { Source } from "../export/formats";
import type { View } from "./view";

export function sourceOf({ text: { row, paragraphs } }: View): Source {
  const { filename, language, duration } = row;
  return { filename, language, duration, paragraphs };
}
