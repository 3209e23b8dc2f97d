/**
 * A job's transcript, in a document of its own: the row changes every second and lists read many rows, and a
 * transcript is a thousand times as large as a row. A row from before this table may hold its transcript itself.
 */
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import type { Result } from "../schema";

type Row = Doc<"transcriptionJobs">;

export async function readResult(ctx: QueryCtx, row: Row) {
  const { resultJson = null, resultStorageId } = (await find(ctx, row.jobId)) ?? row;
  const resultUrl = resultStorageId ? await ctx.storage.getUrl(resultStorageId) : null;
  return { resultJson, resultUrl };
}

export async function replaceResult(ctx: MutationCtx, row: Row, result: Result): Promise<void> {
  await removeResult(ctx, row);
  if (result.resultJson === undefined && result.resultStorageId === undefined) return;
  await ctx.db.insert("transcriptionResults", { jobId: row.jobId, ...result });
}

/** Deletes the document and the files. The caller deletes or patches the row, and with it what the row itself holds. */
export async function removeResult(ctx: MutationCtx, row: Row): Promise<void> {
  const document = await find(ctx, row.jobId);
  for (const id of [row.resultStorageId, document?.resultStorageId]) if (id) await ctx.storage.delete(id);
  if (document) await ctx.db.delete("transcriptionResults", document._id);
}

export async function isFileInUse(ctx: QueryCtx, jobId: string, id: Id<"_storage">): Promise<boolean> {
  return (await find(ctx, jobId))?.resultStorageId === id;
}

const find = (ctx: QueryCtx | MutationCtx, jobId: string) =>
  ctx.db
    .query("transcriptionResults")
    .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
    .unique();
