/** The open text as the files of `export/` want it. */
import { withNames } from "../model/speakers";
import type { Source } from "../export/formats";
import { turnsOf } from "../model/turns";
import type { View } from "./view";

export function sourceOf({ text }: View): Source {
  const { filename, language, duration } = text.row;
  return { filename, language, duration, paragraphs: withNames(text), turns: turnsOf(text) };
}
