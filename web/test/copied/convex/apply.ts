/** Writes a snapshot of the API into its job's row. Internal: only `model/applySnapshot.ts` calls it. */
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { internalMutation } from "./_generated/server";
import { isNewer, isTerminal } from "./model/jobVersion";
import { versionOf } from "./model/jobView";
import { isFileInUse, replaceResult } from "./model/result";
import { jobChunks, jobError, jobStatus, result } from "./schema";

const nullableNumber = v.union(v.number(), v.null());

export const outcome = v.union(
  v.object({
    ok: v.literal(true),
    outcome: v.union(v.literal("applied"), v.literal("duplicate"), v.literal("stale")),
    status: jobStatus,
    seq: v.number(),
  }),
  v.object({ ok: v.literal(false), code: v.union(v.literal("job_not_found"), v.literal("user_mismatch")) }),
);
export type Outcome = Infer<typeof outcome>;

const snapshotFields = v.object({
  run: v.number(),
  seq: v.number(),
  status: jobStatus,
  stage: v.union(v.string(), v.null()),
  progress: v.number(),
  chunks: v.union(jobChunks, v.null()),
  waitingUntil: nullableNumber,
  error: v.union(jobError, v.null()),
  createdAt: nullableNumber,
  startedAt: nullableNumber,
  completedAt: nullableNumber,
});

/**
 * Makes the row equal to the snapshot where the snapshot is newer than the row. A snapshot holds the whole job, so
 * it does not matter which earlier messages were lost or came twice.
 */
export const snapshot = internalMutation({
  args: { jobId: v.string(), userId: v.optional(v.string()), ...snapshotFields.fields, ...result.fields },
  returns: outcome,
  handler: async (ctx, { jobId, userId, resultJson, resultStorageId, ...fields }): Promise<Outcome> => {
    const row = await ctx.db
      .query("transcriptionJobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
      .unique();
    if (!row) return { ok: false, code: "job_not_found" };
    if (userId && row.userId && userId !== row.userId) return { ok: false, code: "user_mismatch" };
    const current = versionOf(row);
    if (!isNewer(fields, current)) {
      const outcome = fields.run === current.run && fields.seq === current.seq ? "duplicate" : "stale";
      return { ok: true, outcome, status: current.status, seq: current.seq };
    }
    // The API deletes a transcript after its retention; the owner's copy stays until the owner removes it.
    const hasResult = resultJson !== undefined || resultStorageId !== undefined;
    const keepsResult = !hasResult && fields.status === "completed" && fields.run === current.run;
    if (!keepsResult) await replaceResult(ctx, row, { resultJson, resultStorageId });
    const withoutResult = keepsResult ? {} : { resultJson: undefined, resultStorageId: undefined };
    await ctx.db.patch("transcriptionJobs", row._id, { ...patchOf(row, fields), ...withoutResult });
    return { ok: true, outcome: "applied", status: fields.status, seq: fields.seq };
  },
});

/** The row's new fields; a patch removes the fields that are `undefined`. */
function patchOf(row: Doc<"transcriptionJobs">, fields: Infer<typeof snapshotFields>) {
  const isRunOver = isTerminal(fields.status) || fields.run > versionOf(row).run;
  return {
    ...fields,
    stage: fields.stage ?? undefined,
    chunks: fields.chunks ?? undefined,
    waitingUntil: fields.waitingUntil ?? undefined,
    error: fields.error ?? undefined,
    createdAt: fields.createdAt ?? row.createdAt,
    startedAt: fields.startedAt ?? undefined,
    completedAt: fields.completedAt ?? undefined,
    cancelRequestedAt: isRunOver ? undefined : row.cancelRequestedAt,
    presumed: undefined,
    updatedAt: Date.now(),
  };
}

/** Deletes the file of a snapshot that was not applied. A row that names the file keeps it: then only the answer was lost. */
export const discardFile = internalMutation({
  args: { jobId: v.string(), resultStorageId: v.id("_storage") },
  returns: v.null(),
  handler: async (ctx, { jobId, resultStorageId }) => {
    if (!(await isFileInUse(ctx, jobId, resultStorageId))) await ctx.storage.delete(resultStorageId);
    return null;
  },
});
