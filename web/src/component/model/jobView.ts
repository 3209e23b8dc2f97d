/** A row as its owner sees it: every field present, null where the row has nothing. */
import { type Infer, v } from "convex/values";
import { type JobVersion, isTerminal } from "../../job/jobVersion.js";
import type { Doc } from "../_generated/dataModel.js";
import type { QueryCtx } from "../_generated/server.js";
import { jobChunks, jobError, jobStatus } from "../schema.js";
import { readTranscript } from "./transcript.js";

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

type Row = Doc<"jobs">;

export function versionOf({ status, run, seq, presumed = false }: Row): Required<JobVersion> {
  return { status, run, seq, presumed };
}

export function toSummary(row: Row): JobSummary {
  const { jobId, progress, createdAt, updatedAt } = row;
  return {
    ...{ jobId, ...versionOf(row), progress, createdAt, updatedAt },
    filename: row.filename ?? null,
    stage: row.stage ?? null,
    chunks: row.chunks ?? null,
    waitingUntil: row.waitingUntil ?? null,
    error: row.error ?? null,
    cancelRequested: row.cancelRequestedAt !== undefined && !isTerminal(row.status),
    startedAt: row.startedAt ?? null,
    completedAt: row.completedAt ?? null,
  };
}

export async function toView(ctx: QueryCtx, row: Row): Promise<JobView> {
  return { ...toSummary(row), ...(await readTranscript(ctx, row.jobId)) };
}
