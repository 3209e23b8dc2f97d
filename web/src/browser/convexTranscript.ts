/** The transcript of a row in Convex. */
import type { ConvexJob, Transcript } from "./job.js";
import { withTimeout } from "./timeout.js";

/** Milliseconds. The transcript of many hours has some megabytes. */
const FILE_TIMEOUT = 60_000;

/** The transcript of a row, from the row or from its file; null while it has none. Rejects where it is unreadable. */
export async function readTranscript({ resultJson, resultUrl }: ConvexJob): Promise<Transcript | null> {
  if (resultJson !== null) return asTranscript(JSON.parse(resultJson));
  if (resultUrl === null) return null;
  return await withTimeout(FILE_TIMEOUT, undefined, async (signal) => {
    const response = await fetch(resultUrl, { signal });
    if (!response.ok) throw new Error(`The file storage answered HTTP ${response.status}.`);
    return asTranscript(await response.json());
  });
}

function asTranscript(value: unknown): Transcript {
  if (typeof (value as Transcript | null)?.text === "string") return value as Transcript;
  throw new Error("The file holds no transcript.");
}
