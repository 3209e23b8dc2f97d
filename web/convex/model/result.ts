/**
 * A job's transcript, kept beside its row: the row changes every second and is read with all others
 * in lists, the transcript is a thousand times as large. Rows of before may hold theirs themselves.
 */
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import type { Result } from "../schema";

type Row = Doc<"transcriptionJobs">;

export async function readResult(ctx: QueryCtx, row: Row) {
  const { resultJson = null, resultStorageId } = (await find(ctx, row)) ?? row;
  const resultUrl = resultStorageId ? await ctx.storage.getUrl(resultStorageId) : null;
  return { resultJson, resultUrl };
}

export async function replaceResult(ctx: MutationCtx, row: Row, result: Result): Promise<void> {
  await removeResult(ctx, row);
  if (result.resultJson === undefined && result.resultStorageId === undefined) return;
  await ctx.db.insert("transcriptionResults", { jobId: row.jobId, ...result });
}

/** What the row itself holds goes with the row, or with its next patch; only its file goes here. */
export async function removeResult(ctx: MutationCtx, row: Row): Promise<void> {
  const kept = await find(ctx, row);
  for (const id of [row.resultStorageId, kept?.resultStorageId]) if (id) await ctx.storage.delete(id);
  if (kept) await ctx.db.delete("transcriptionResults", kept._id);
}

export async function isFileInUse(ctx: QueryCtx, jobId: string, id: Id<"_storage">): Promise<boolean> {
  return (await find(ctx, { jobId }))?.resultStorageId === id;
}

const find = (ctx: QueryCtx | MutationCtx, { jobId }: Pick<Row, "jobId">) =>
  ctx.db
    .query("transcriptionResults")
    .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
    .unique();
