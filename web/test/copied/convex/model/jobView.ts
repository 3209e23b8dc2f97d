/** A row as its owner sees it: the known fields only, every one present, null where the row has nothing. */
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { jobChunks, jobError, jobStatus } from "../schema";
import { type JobVersion, NO_SEQ, isTerminal } from "./jobVersion";
import { readResult } from "./result";

const nullableNumber = v.union(v.number(), v.null());

const summaryFields = {
  jobId: v.string(),
  filename: v.union(v.string(), v.null()),
  status: jobStatus,
  stage: v.union(v.string(), v.null()),
  progress: v.number(),
  run: v.number(),
  /** -1 until the API has sent a snapshot of this job. */
  seq: v.number(),
  presumed: v.boolean(),
  chunks: v.union(jobChunks, v.null()),
  waitingUntil: nullableNumber,
  error: v.union(jobError, v.null()),
  /** The owner has asked to cancel, and the job has not ended yet. */
  cancelRequested: v.boolean(),
  createdAt: v.number(),
  startedAt: nullableNumber,
  completedAt: nullableNumber,
  updatedAt: v.number(),
};

export const jobSummary = v.object(summaryFields);
export type JobSummary = Infer<typeof jobSummary>;

/** With the transcript: as JSON text, or as the address of a file that holds it. */
export const jobView = v.object({
  ...summaryFields,
  resultJson: v.union(v.string(), v.null()),
  resultUrl: v.union(v.string(), v.null()),
});
export type JobView = Infer<typeof jobView>;

type Row = Doc<"transcriptionJobs">;

export function versionOf(row: Row): JobVersion {
  const { status, run = 1, seq = NO_SEQ, presumed = false } = row;
  return { status, run, seq, presumed };
}

export function toSummary(row: Row): JobSummary {
  return {
    jobId: row.jobId,
    filename: row.filename ?? null,
    ...versionOf(row),
    presumed: row.presumed ?? false,
    stage: row.stage ?? null,
    progress: row.progress ?? 0,
    chunks: row.chunks ?? null,
    waitingUntil: row.waitingUntil ?? null,
    error: toError(row.error),
    cancelRequested: row.cancelRequestedAt !== undefined && !isTerminal(row.status),
    createdAt: row.createdAt ?? row._creationTime,
    startedAt: row.startedAt ?? null,
    completedAt: row.completedAt ?? null,
    updatedAt: row.updatedAt ?? row._creationTime,
  };
}

export async function toView(ctx: QueryCtx, row: Row): Promise<JobView> {
  return { ...toSummary(row), ...(await readResult(ctx, row)) };
}

function toError(error: Row["error"]): JobSummary["error"] {
  if (error === undefined) return null;
  return typeof error === "string" ? { code: "unknown", message: error, retryable: false } : error;
}
