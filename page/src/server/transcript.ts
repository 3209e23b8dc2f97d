/** The corrected text at the server: what it has, and what it is given. */
import { type Paragraph, risingTimes, segmentsOf } from "../model/transcript";
import type { ApiTranscript } from "../model/paragraphs";
import { currentLanguage } from "../text/language";
import { authorization } from "./access";
import { endpoint } from "./address";

/** `gone`: the server has no such recording any more. `newer`: it has a text that this page does not know. */
export type Sent = { kind: "saved"; etag: string | null } | { kind: "newer" | "gone" | "away" | "refused" };

const address = (jobId: string) => endpoint(`job/${jobId}/transcript`);

const headers = () => ({ "accept-language": currentLanguage(), ...authorization() });

export async function sendTranscript(
  jobId: string,
  paragraphs: readonly Paragraph[],
  { etag, duration }: { etag: string | null; duration: number },
): Promise<Sent> {
  const filled = paragraphs.filter(({ words }) => words.length > 0);
  const segments = risingTimes(filled.flatMap(segmentsOf), duration);
  const response = await fetch(address(jobId), {
    method: "PUT",
    headers: { ...headers(), "content-type": "application/json", "if-match": etag ?? "*" },
    body: JSON.stringify({ segments }),
  }).catch(() => null);
  if (!response) return { kind: "away" };
  if (response.ok) return { kind: "saved", etag: response.headers.get("etag") };
  if (response.status === 412) return { kind: "newer" };
  if ([404, 409, 410].includes(response.status)) return { kind: "gone" };
  return { kind: response.status === 429 || response.status >= 500 ? "away" : "refused" };
}

/** Null where the server has nothing newer than `etag`, or does not answer. */
export async function readTranscript(
  jobId: string,
  etag: string | null,
): Promise<{ transcript: ApiTranscript; etag: string | null } | null> {
  const response = await fetch(address(jobId), {
    headers: { ...headers(), ...(etag ? { "if-none-match": etag } : {}) },
    cache: "no-store",
  }).catch(() => null);
  if (!response?.ok) return null;
  return { transcript: (await response.json()) as ApiTranscript, etag: response.headers.get("etag") };
}
