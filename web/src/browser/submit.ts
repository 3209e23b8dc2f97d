/** Submits a recording to the API: creates its job, then uploads its audio, and repeats what may succeed later. */
import type { EscribaClient, NewJob } from "./client.js";
import type { Job } from "./job.js";
import { sleep, withRetries } from "./retry.js";
import { UploadError } from "./upload.js";

export type SubmitEvents = {
  /** The API has created the job; its audio comes next. */
  onAccepted(websocketUrl: string, subject: string | undefined): void;
  onProgress(fraction: number): void;
  /** The upload failed, and the API says that it has the audio nevertheless. */
  onAudioReceived(job: Job): void;
};

const UPLOADS = 3;

/** Resolves when the API has all of the audio. */
export async function submitJob(
  client: EscribaClient,
  job: NewJob,
  file: Blob,
  { onAccepted, onProgress, onAudioReceived }: SubmitEvents,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    // A cancel does not abort this request: the page must know whether the API has the job before it cancels it there.
    const { websocketUrl, upload, subject } = await withRetries(() => client.createJob(job), signal);
    onAccepted(websocketUrl, subject);
    if (!upload) return;
    try {
      return await client.upload(upload, file, onProgress, signal);
    } catch (error) {
      if (!(error instanceof UploadError)) throw error;
      // The audio may have arrived, and only the answer was lost.
      const current = await client.getJob(job.jobId, signal).catch(() => null);
      if (current && current.job.status !== "pending") return onAudioReceived(current.job);
      if (!error.isRetryable || attempt === UPLOADS) throw error;
      await sleep(1000 * 2 ** attempt, signal);
    }
  }
}
