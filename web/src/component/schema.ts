/** The component's tables, and the validators of their fields. An app cannot read them, and they cannot read an app's. */
import { defineSchema, defineTable } from "convex/server";
import { type Infer, v } from "convex/values";
import { STATUSES } from "../job/jobVersion.js";

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
export const transcript = v.object({
  resultJson: v.optional(v.string()),
  resultStorageId: v.optional(v.id("_storage")),
});
export type Transcript = Infer<typeof transcript>;

/**
 * One row for each job. The page creates it and asks to cancel the job (`jobs.ts`), `snapshots.ts` writes the API's
 * newest snapshot, `reconcile.ts` ends the jobs that the API no longer knows, and `imports.ts` brings rows from before.
 */
export const job = {
  jobId: v.string(),
  filename: v.optional(v.string()),
  /** Who may see and cancel the job; the app decides. Absent only in imported rows that nobody owned. */
  owner: v.optional(v.string()),
  /** The app's own id for the user, as the page gave it to the API. A label: it opens nothing. */
  userId: v.optional(v.string()),

  status: jobStatus,
  stage: v.optional(v.string()),
  progress: v.number(),
  run: v.number(),
  /** `NO_SEQ` until the API has sent a snapshot. */
  seq: v.number(),
  chunks: v.optional(jobChunks),
  waitingUntil: v.optional(v.number()),
  error: v.optional(jobError),

  /** When the owner asked to cancel; absent once the job has ended. */
  cancelRequestedAt: v.optional(v.number()),
  /** We concluded the status ourselves; the API's next snapshot replaces it. */
  presumed: v.optional(v.boolean()),

  createdAt: v.number(),
  startedAt: v.optional(v.number()),
  completedAt: v.optional(v.number()),
  /** When this row last changed. */
  updatedAt: v.number(),

  /** When to ask the API about this job; absent once the job has ended. See `model/checkTime.ts`. */
  checkAt: v.optional(v.number()),
  /** How often the API has been asked since the last news. */
  checks: v.number(),
};

export default defineSchema({
  jobs: defineTable(job)
    .index("by_jobId", ["jobId"])
    .index("by_owner", ["owner", "createdAt"])
    .index("by_checkAt", ["checkAt"])
    .index("by_presumed", ["presumed", "seq", "updatedAt"]),

  /** One row for each transcript. `snapshots.ts` writes it; it is deleted with its job's row. */
  transcripts: defineTable({ jobId: v.string(), ...transcript.fields }).index("by_jobId", ["jobId"]),

  /** How many rows an owner has, and may still create: see `model/allowance.ts`. */
  owners: defineTable({ owner: v.string(), rows: v.number(), left: v.number(), countedAt: v.number() })
    .index("by_owner", ["owner"])
    .index("by_rows", ["rows", "countedAt"]),

  /** The next round of `reconcile.ts`: one row, or none while no job waits for news. */
  alarms: defineTable({ at: v.number(), scheduledId: v.id("_scheduled_functions") }),

  /** How far the import of an app's own table has come: see `imports.ts`. */
  imports: defineTable({
    source: v.string(),
    cursor: v.union(v.string(), v.null()),
    isDone: v.boolean(),
    imported: v.number(),
    known: v.number(),
  }).index("by_source", ["source"]),
});
