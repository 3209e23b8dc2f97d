/** What the page keeps of the API's answer: the text, where somebody speaks without words, what the server warns of. Pure. */
import { type ApiTranscript, toParagraphs } from "./paragraphs";
import { givenNames, type Text } from "./speakers";
import { type Warning, warningsOf } from "./warnings";
import { type Wordless, wordlessOf } from "./wordless";

type Answer = Text & { wordless: Wordless[]; warnings: Warning[] };

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
