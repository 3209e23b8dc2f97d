/** The corrected text at the server: what it has, and what it is given. */
import { isSameNames, type Text } from "../model/speakers";
import { namesInUse, type SpokenText } from "../model/turns";
import { type Paragraph, risingTimes, segmentsOf } from "../model/transcript";
import type { ApiTranscript } from "../model/paragraphs";
import { currentLanguage, type Language } from "../text/language";
import { authorization } from "./access";
import { endpoint } from "./address";

/** `gone`: the server has no such recording any more. `newer`: it has a text that this page does not know. */
export type Sent = { kind: "saved"; etag: string | null } | { kind: "newer" | "gone" | "away" | "refused" };

/** The state of the server that this page last knew; `etag` moves on with each request. */
export type Known = { etag: string | null; duration: number; text: Partial<Text> };

const address = (jobId: string, part = "transcript") => endpoint(`job/${jobId}/${part}`);

const headers = (language = currentLanguage()) => ({ "accept-language": language, ...authorization() });

/** The text first, then the names, which may be those of new labels; each where the server has another. */
export async function sendText(jobId: string, text: SpokenText, known: Known): Promise<Sent> {
  let names = namesInUse(text);
  let sent: Sent = { kind: "saved", etag: known.etag };
  if (known.text.paragraphs !== text.paragraphs) {
    sent = await put(address(jobId), toBody(text.paragraphs, known.duration), known.etag);
    if (sent.kind !== "saved") return sent;
    known.etag = sent.etag;
    known.text = { ...known.text, paragraphs: text.paragraphs };
  }
  if (known.text.names && isSameNames(names, known.text.names)) return sent;
  sent = await put(address(jobId, "speakers"), names, known.etag);
  // Of speech without words the server may know fewer speakers than this page: that costs no other name.
  const ofWords = namesInUse({ ...text, wordless: [] });
  if (sent.kind === "refused" && !isSameNames(ofWords, names)) {
    names = ofWords;
    sent = await put(address(jobId, "speakers"), names, known.etag);
  }
  if (sent.kind !== "saved") return sent;
  known.etag = sent.etag;
  known.text = { ...known.text, names };
  return sent;
}

function toBody(paragraphs: readonly Paragraph[], duration: number) {
  const filled = paragraphs.filter(({ words }) => words.length > 0);
  const segments = risingTimes(filled.flatMap(segmentsOf), duration);
  return { segments: segments.map((segment) => ({ ...segment, speaker: segment.speaker ?? "" })) }; // none, not "as it was"
}

async function put(url: string, body: unknown, etag: string | null): Promise<Sent> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { ...headers(), "content-type": "application/json", "if-match": etag ?? "*" },
    body: JSON.stringify(body),
  }).catch(() => null);
  if (!response) return { kind: "away" };
  if (response.ok) return { kind: "saved", etag: response.headers.get("etag") };
  if (response.status === 412) return { kind: "newer" };
  if ([404, 409, 410].includes(response.status)) return { kind: "gone" };
  return { kind: response.status === 429 || response.status >= 500 ? "away" : "refused" };
}

/** Without `transcript` the server has the text of the tag; `language` is that of its sentences; `awaitsSpeakers`: they come later, with another one. */
export type Found = { transcript?: ApiTranscript; language: Language; etag: string | null; awaitsSpeakers: boolean };

/** Null where the server does not answer. */
export async function readTranscript(jobId: string, etag: string | null): Promise<Found | null> {
  const language = currentLanguage();
  const response = await fetch(address(jobId), {
    headers: { ...headers(language), ...(etag ? { "if-none-match": etag } : {}) },
    cache: "no-store",
  }).catch(() => null);
  if (!response || !(response.ok || response.status === 304)) return null;
  const awaitsSpeakers = response.headers.get("x-escriba-speakers") === "pending";
  if (response.status === 304) return { language, etag, awaitsSpeakers };
  const transcript = (await response.json()) as ApiTranscript;
  return { transcript, language, etag: response.headers.get("etag"), awaitsSpeakers };
}
