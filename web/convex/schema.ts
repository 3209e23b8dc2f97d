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

/** `total` is null until the recording has been read. */
export const jobChunks = v.object({ done: v.number(), total: v.union(v.number(), v.null()) });

/** As JSON text: an hour of word timestamps would exceed the limit on arrays. As a file when it is large. */
export const result = v.object({
  resultJson: v.optional(v.string()),
  resultStorageId: v.optional(v.id("_storage")),
});
export type Result = Infer<typeof result>;

/**
 * One row for each job a page has made.
 *
 * Who writes what: the page makes the row and asks for its cancelling (`jobs.ts`); all else is the
 * API's newest snapshot, whole, through `apply.ts`; `reconcile.ts` ends what the API has lost.
 *
 * Only `jobId` and `status` are required, so a table that was there before keeps its rows: a row
 * without `seq` has no word from the API yet, and takes the first one it hears.
 */
export const transcriptionJob = {
  jobId: v.string(),
  filename: v.optional(v.string()),

  /** `user:<tokenIdentifier>` or `token:<SHA-256>`: see `model/access.ts`. */
  owner: v.optional(v.string()),
  /** The app's own id for the user, as it was given to the API. A label: it opens nothing. */
  userId: v.optional(v.string()),

  status: jobStatus,
  stage: v.optional(v.string()),
  progress: v.optional(v.number()),
  run: v.optional(v.number()),
  seq: v.optional(v.number()),
  chunks: v.optional(jobChunks),
  waitingUntil: v.optional(v.number()),
  /** A bare string only in rows that are older than this schema. */
  error: v.optional(v.union(jobError, v.string())),

  /** Only in rows that are older than `transcriptionResults`. */
  ...result.fields,

  /** When the owner asked to cancel, or `reconcile.ts` last brought that to the API; gone once the job has ended. */
  cancelRequestedAt: v.optional(v.number()),
  /** The status is our conclusion, not the API's word; its next word replaces it. */
  presumed: v.optional(v.boolean()),

  createdAt: v.optional(v.number()),
  startedAt: v.optional(v.number()),
  completedAt: v.optional(v.number()),
  /** When this row last heard of its job. */
  updatedAt: v.optional(v.number()),
};

/** One row for each transcript there is: `apply.ts` writes it, and it is removed with its job's row. */
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
