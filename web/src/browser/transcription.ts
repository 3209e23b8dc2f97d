/** A job as a page shows it. */
import { type Chunks, type JobError, type Status, type Transcript, isTerminal } from "./job.js";
import type { JobRecord } from "./jobRecord.js";
import type { Problem } from "./problem.js";

/** A new object whenever a field changes. */
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
  /** The fraction of the audio that this page has uploaded, 0 to 1; null when it is not uploading. */
  uploaded: number | null;
  /** This page has the audio and uploads it after others. The page must stay open until then. */
  waitsToBeSent: boolean;
  /** The API has not received all of the audio, and this page does not have it: give it to `provide`. */
  needsFile: boolean;
  /** The owner has asked to cancel the job, and the API has not confirmed it yet. */
  cancelling: boolean;
  /** The text recognised so far; the whole transcript once the job is completed. */
  text: string;
  /** Up to which second of the recording there is text; null before the first. */
  heardSeconds: number | null;
  result: Transcript | null;
  /** The `seq` of the job that `result` belongs to, for If-Match; null without a result. */
  resultSeq: number | null;
  /** The job is completed, and its text has been deleted everywhere. */
  textIsGone: boolean;
  /** Why the job failed. */
  error: JobError | null;
  /** What went wrong between this page and the service; `status` still says how the job is. */
  problem: Problem | null;
  canCancel: boolean;
  canRetry: boolean;
};

/** The upload of the audio: by this page, and whether another page seems to upload it. */
export type UploadState = {
  isActive: boolean;
  fraction: number | null;
  file: Blob | null;
  isElsewhere: boolean;
};

export function toTranscription(record: JobRecord, upload: UploadState): Transcription {
  const { job, stored } = record;
  const { result, resultSeq, problem, isCancelling, isResultGone } = record.fields;
  const { jobId, status, stage, progress, run, chunks, waitingUntil, startedAt, completedAt, error } = job;
  const hasEnded = isTerminal(status);
  const cancelling = !hasEnded && (isCancelling || job.cancelRequested);
  const isUploading = upload.isActive || upload.isElsewhere;
  const lacksAudio = status === "pending" && !stored.sent && !isUploading && !cancelling;
  return {
    ...{ jobId, status, stage, progress, run, chunks, waitingUntil, startedAt, completedAt, error },
    filename: stored.filename,
    sizeBytes: stored.sizeBytes,
    createdAt: job.createdAt ?? stored.createdAt,
    uploaded: upload.fraction,
    waitsToBeSent: upload.isActive && upload.fraction === null && !cancelling,
    needsFile: lacksAudio && upload.file === null,
    cancelling,
    text: result?.text ?? record.liveText.textOf(run),
    heardSeconds: record.liveText.endOf(run),
    result,
    resultSeq: result && resultSeq,
    textIsGone: status === "completed" && result === null && isResultGone,
    problem,
    canCancel: !hasEnded && !cancelling,
    canRetry: hasEnded ? canRunAgain(record) : (problem?.retryable ?? (lacksAudio && upload.file !== null)),
  };
}

const canRunAgain = ({ job, wasNeverAccepted }: JobRecord): boolean =>
  wasNeverAccepted || job.status === "cancelled" || (job.status === "failed" && job.error?.retryable === true);
