/** Brings a recording to the API: the job first, then its audio, again where that may help. */
import type { EscribaClient, NewJob } from "./client.js";
import type { Job } from "./job.js";
import { withRetries, pause } from "./retry.js";
import { UploadError } from "./upload.js";

export type DeliveryEvents = {
  /** The API has the job; its audio comes next. */
  onAccepted(websocketUrl: string): void;
  onSent(fraction: number): void;
  /** The API was asked how the job stands, and the audio had come already. */
  onNews(job: Job): void;
};

const UPLOADS = 3;

/** Resolves when all of the audio is there. */
export async function deliver(
  client: EscribaClient,
  job: NewJob,
  file: Blob,
  { onAccepted, onSent, onNews }: DeliveryEvents,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    // Not cut short by a cancel: whether the API has the job must be known before it is told to end it.
    const { websocketUrl, upload } = await withRetries(() => client.createJob(job), signal);
    onAccepted(websocketUrl);
    if (!upload) return;
    try {
      return await client.upload(upload, file, onSent, signal);
    } catch (error) {
      if (!(error instanceof UploadError)) throw error;
      // Perhaps it arrived, and the answer was lost.
      const known = await client.job(job.jobId, signal).catch(() => null);
      if (known && known.job.status !== "pending") return onNews(known.job);
      if (!error.passing || attempt === UPLOADS) throw error;
      await pause(1000 * 2 ** attempt, signal);
    }
  }
}
