/** The one way news of a job reaches its row. Internal: only `model/deliver.ts` calls it. */
import { type Infer, v } from "convex/values";
import { internalMutation } from "./_generated/server";
import { isNewer, isTerminal } from "./model/jobVersion";
import { isFileInUse, replaceResult } from "./model/result";
import { position } from "./model/jobView";
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

/**
 * Makes the row what the snapshot says, if the snapshot is newer than the row. A snapshot is whole,
 * so the row then equals the API's job, whatever was lost or came twice before.
 */
export const snapshot = internalMutation({
  args: {
    jobId: v.string(),
    userId: v.optional(v.string()),
    run: v.number(),
    seq: v.number(),
    status: jobStatus,
    stage: v.union(v.string(), v.null()),
    progress: v.number(),
    chunks: v.union(jobChunks, v.null()),
    waitingUntil: nullableNumber,
    error: v.union(jobError, v.null()),
    ...result.fields,
    createdAt: nullableNumber,
    startedAt: nullableNumber,
    completedAt: nullableNumber,
  },
  returns: outcome,
  handler: async (ctx, { jobId, userId, resultJson, resultStorageId, ...news }): Promise<Outcome> => {
    const row = await ctx.db
      .query("transcriptionJobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
      .unique();
    if (!row) return { ok: false, code: "job_not_found" };
    if (userId && row.userId && userId !== row.userId) return { ok: false, code: "user_mismatch" };
    const current = position(row);
    if (!isNewer(news, current)) {
      const outcome = news.run === current.run && news.seq === current.seq ? "duplicate" : "stale";
      return { ok: true, outcome, status: current.status, seq: current.seq };
    }
    // The API forgets a transcript after a while; the owner's copy stays until the owner removes it.
    const hasText = resultJson !== undefined || resultStorageId !== undefined;
    const keepsText = !hasText && news.status === "completed" && news.run === current.run;
    if (!keepsText) await replaceResult(ctx, row, { resultJson, resultStorageId });
    // A cancel that was asked for lasts until its run has ended; undefined removes a field.
    const settled = isTerminal(news.status) || news.run > current.run;
    await ctx.db.patch("transcriptionJobs", row._id, {
      ...news,
      stage: news.stage ?? undefined,
      chunks: news.chunks ?? undefined,
      waitingUntil: news.waitingUntil ?? undefined,
      error: news.error ?? undefined,
      ...(keepsText ? {} : { resultJson: undefined, resultStorageId: undefined }),
      createdAt: news.createdAt ?? row.createdAt,
      startedAt: news.startedAt ?? undefined,
      completedAt: news.completedAt ?? undefined,
      cancelRequestedAt: settled ? undefined : row.cancelRequestedAt,
      presumed: undefined,
      updatedAt: Date.now(),
    });
    return { ok: true, outcome: "applied", status: news.status, seq: news.seq };
  },
});

/** Deletes a file that a snapshot came with, unless the snapshot was applied after all and only its answer was lost. */
export const discardFile = internalMutation({
  args: { jobId: v.string(), resultStorageId: v.id("_storage") },
  returns: v.null(),
  handler: async (ctx, { jobId, resultStorageId }) => {
    if (!(await isFileInUse(ctx, jobId, resultStorageId))) await ctx.storage.delete(resultStorageId);
    return null;
  },
});
