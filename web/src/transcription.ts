/** What a page shows of one job. */
import { ApiError } from "./client.js";
import type { Chunks, JobError, Status, Transcript } from "./job.js";
import { UploadError } from "./upload.js";

/** A job as a page shows it. A new object whenever anything in it changes. */
export type Transcription = {
  jobId: string;
  filename: string | null;
  sizeBytes: number | null;
  status: Status;
  stage: string | null;
  /** 0 to 100; within one run it never falls. */
  progress: number;
  run: number;
  chunks: Chunks | null;
  waitingUntil: number | null;
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  /** The fraction of the audio that this page has sent, 0 to 1; null when it is not sending. */
  uploaded: number | null;
  /** This page has the audio and sends it when others have been sent: so long it must stay open. */
  waitsToBeSent: boolean;
  /** The audio never arrived whole, and this page does not have it: give it to `provide`. */
  needsFile: boolean;
  /** The owner asked to cancel; the API has not confirmed it yet. */
  cancelling: boolean;
  /** As recognised so far, and when completed the whole transcript. */
  text: string;
  result: Transcript | null;
  /** Why the job failed. */
  error: JobError | null;
  /** What went wrong between this page and the service. The job itself is as `status` says. */
  problem: Problem | null;
  canCancel: boolean;
  canRetry: boolean;
};

/** `retryable`: `retry` may help. */
export type Problem = { code: string; message: string; hint: string | null; retryable: boolean };

export function asProblem(error: unknown): Problem {
  if (error instanceof ApiError)
    return { code: error.code, message: error.message, hint: error.hint, retryable: error.passing };
  if (error instanceof UploadError)
    return { code: error.code, message: error.message, hint: error.hint, retryable: error.passing };
  return { code: "unexpected", message: String(error), hint: null, retryable: true };
}
