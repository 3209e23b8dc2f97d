/** What a page shows of one job. */
import { ApiError } from "./client.js";
import { type Chunks, type Job, type JobError, type Status, type Transcript, isTerminal } from "./job.js";
import type { StoredJob } from "./jobStorage.js";
import { sentences } from "./sentences.js";
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
  /** It is completed, but its text has been deleted and cannot be had any more. */
  textIsGone: boolean;
  /** Why the job failed. */
  error: JobError | null;
  /** What went wrong between this page and the service. The job itself is as `status` says. */
  problem: Problem | null;
  canCancel: boolean;
  canRetry: boolean;
};

/** `retryable`: `retry` may help. */
export type Problem = { code: string; message: string; hint: string | null; retryable: boolean };

/** What a page knows of one job. */
export type Known = {
  job: Job;
  kept: StoredJob;
  result: Transcript | null;
  resultIsGone: boolean;
  liveText: string;
  problem: Problem | null;
  /** The owner asked this page to cancel, and the API has not answered yet. */
  cancelling: boolean;
  /** What this page does about the audio. */
  sending: { isOn: boolean; uploaded: number | null; file: Blob | null };
  /** Another page seems to be sending it. */
  isSentElsewhere: boolean;
};

/** It has an end, but only because the API has never had it. */
export const neverCame = (job: Job, kept: StoredJob): boolean =>
  isTerminal(job.status) && job.presumed === true && !kept.accepted;

export function present({ job, kept, result, liveText, problem, sending, ...known }: Known): Transcription {
  const { jobId, status, stage, progress, run, chunks, waitingUntil, startedAt, completedAt, error } = job;
  const ended = isTerminal(status);
  const cancelling = !ended && (known.cancelling || job.cancelRequested);
  const lacksAudio = status === "pending" && !kept.sent && !sending.isOn && !known.isSentElsewhere && !cancelling;
  return {
    ...{ jobId, status, stage, progress, run, chunks, waitingUntil, startedAt, completedAt, error },
    filename: kept.filename,
    sizeBytes: kept.sizeBytes,
    createdAt: job.createdAt ?? kept.createdAt,
    uploaded: sending.uploaded,
    waitsToBeSent: sending.isOn && sending.uploaded === null && !cancelling,
    needsFile: lacksAudio && sending.file === null,
    cancelling,
    text: result?.text ?? liveText,
    result,
    textIsGone: status === "completed" && result === null && known.resultIsGone,
    problem,
    canCancel: !ended && !cancelling,
    canRetry: ended ? mayRunAgain(job, kept) : (problem?.retryable ?? (lacksAudio && sending.file !== null)),
  };
}

const mayRunAgain = (job: Job, kept: StoredJob): boolean =>
  neverCame(job, kept) || job.status === "cancelled" || (job.status === "failed" && job.error?.retryable === true);

export function asProblem(error: unknown, language?: string): Problem {
  if (error instanceof ApiError)
    return { code: error.code, message: error.message, hint: error.hint, retryable: error.passing };
  if (error instanceof UploadError)
    return { code: error.code, message: error.message, hint: error.hint, retryable: error.passing };
  const message = `${sentences(language).unexpected} (${String(error)})`;
  return { code: "unexpected", message, hint: null, retryable: true };
}
