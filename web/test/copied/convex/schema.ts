/** The tables `transcriptionJobs` and `transcriptionResults`, and the validators of their fields. */
import { defineSchema, defineTable } from "convex/server";
import { type Infer, v } from "convex/values";
import { STATUSES } from "./model/jobVersion";

export const jobStatus = v.union(...STATUSES.map((status) => v.literal(status)));

export const jobError = v.object({
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
  retryable: v.boolean(),
});

/** `total` is null until the API has read the recording. */
export const jobChunks = v.object({ done: v.number(), total: v.union(v.number(), v.null()) });

/**
 * A transcript as JSON text, or as the id of a file where it is large. Not as a value: the word timestamps of one hour
 * exceed Convex's limit of 8 192 elements in an array.
 */
export const result = v.object({
  resultJson: v.optional(v.string()),
  resultStorageId: v.optional(v.id("_storage")),
});
export type Result = Infer<typeof result>;

/**
 * One row for each job that a page has created.
 *
 * Who writes what: the page creates the row and asks to cancel the job (`jobs.ts`); `apply.ts` writes the API's newest
 * snapshot, whole; `reconcile.ts` ends the jobs that the API no longer knows.
 *
 * Only `jobId` and `status` are required, so a table from before this schema keeps its rows. A row without `seq` has
 * no snapshot from the API yet, and takes the first one that comes.
 */
export const transcriptionJob = {
  jobId: v.string(),
  filename: v.optional(v.string()),

  /** `user:<tokenIdentifier>` or `token:<SHA-256>`: see `model/access.ts`. */
  owner: v.optional(v.string()),
  /** The app's own id for the user, as the page gave it to the API. A label: it opens nothing. */
  userId: v.optional(v.string()),

  status: jobStatus,
  stage: v.optional(v.string()),
  progress: v.optional(v.number()),
  run: v.optional(v.number()),
  seq: v.optional(v.number()),
  chunks: v.optional(jobChunks),
  waitingUntil: v.optional(v.number()),
  /** A bare string only in rows from before this schema. */
  error: v.optional(v.union(jobError, v.string())),

  /** Only in rows from before `transcriptionResults`. */
  ...result.fields,

  /** When the owner asked to cancel, or when `reconcile.ts` last asked the API to; absent once the job has ended. */
  cancelRequestedAt: v.optional(v.number()),
  /** We concluded the status ourselves; the API's next snapshot replaces it. */
  presumed: v.optional(v.boolean()),

  createdAt: v.optional(v.number()),
  startedAt: v.optional(v.number()),
  completedAt: v.optional(v.number()),
  /** When this row last took a snapshot, or `reconcile.ts` last asked the API about the job. */
  updatedAt: v.optional(v.number()),
};

/** One row for each transcript. `apply.ts` writes it; it is deleted with its job's row. */
export const transcriptionResult = { jobId: v.string(), ...result.fields };

export default defineSchema({
  transcriptionJobs: defineTable(transcriptionJob)
    .index("by_jobId", ["jobId"])
    .index("by_owner", ["owner", "createdAt"])
    .index("by_userId", ["userId", "createdAt"])
    .index("by_status", ["status", "updatedAt"])
    .index("by_cancelRequestedAt", ["cancelRequestedAt"]),
  transcriptionResults: defineTable(transcriptionResult).index("by_jobId", ["jobId"]),
});
