/** Sends what waits in the queue while no page is open; not what belongs to an access key, which only a page has. */
import { createClient, type EscribaClient } from "../../../web/src/browser/client";
import { submitJob } from "../../../web/src/browser/submit";
import { aloneOrNot } from "../queue/alone";
import { listRows, putRow, type QueueRow } from "../queue/rows";
import { readAudio } from "../store/audio";

/** Rejects where the network failed: then the browser wakes the worker again. */
export async function sendQueue(apiUrl: string): Promise<void> {
  const client = createClient(apiUrl);
  const failures: unknown[] = [];
  for (const row of await listRows())
    if (!row.isSent && !row.hasOwner)
      await aloneOrNot(row.jobId, () => send(client, row)).catch((error) => failures.push(error));
  const again = failures.find((error) => (error as { isRetryable?: boolean }).isRetryable);
  if (again) throw again;
}

/** With the same options and id as the page: to send it twice is to send it once. */
async function send(client: EscribaClient, row: QueueRow): Promise<void> {
  const { jobId, filename, sizeBytes, options } = row;
  const file = options && (await readAudio(jobId, filename));
  if (!file) return;
  const events = { onAccepted: () => {}, onProgress: () => {}, onAudioReceived: () => {} };
  await submitJob(client, { ...options, jobId, filename, sizeBytes }, file, events, new AbortController().signal);
  await putRow({ ...row, isSent: true });
}
