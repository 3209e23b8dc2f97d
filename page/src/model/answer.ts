/** What the page keeps of the API's answer: the text, where somebody speaks without words, what the server warns of. Pure. */
import { type ApiTranscript, toParagraphs } from "./paragraphs";
import { givenNames } from "./speakers";
import type { SpokenText } from "./turns";
import { type Warning, warningsOf } from "./warnings";
import { wordlessOf } from "./wordless";

type Answer = SpokenText & { warnings: Warning[] };

/** @param language that of its sentences, where it is known */
export function readAnswer(transcript: ApiTranscript, language?: string): Answer {
  const paragraphs = toParagraphs(transcript);
  return {
    paragraphs,
    names: givenNames(transcript.speakers),
    wordless: wordlessOf(transcript, paragraphs),
    warnings: warningsOf(transcript, language),
  };
}
