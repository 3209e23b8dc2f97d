/**
 * A job's transcript, in a document of its own: the row changes every second and lists read many rows, and a
 * transcript is a thousand times as large as a row.
 */
import type { Id } from "../_generated/dataModel.js";
import type { MutationCtx, QueryCtx } from "../_generated/server.js";
import type { Transcript } from "../schema.js";

export async function readTranscript(ctx: QueryCtx, jobId: string) {
  const { resultJson = null, resultStorageId } = (await find(ctx, jobId)) ?? {};
  const resultUrl = resultStorageId ? await ctx.storage.getUrl(resultStorageId) : null;
  return { resultJson, resultUrl };
}

export async function replaceTranscript(ctx: MutationCtx, jobId: string, transcript: Transcript): Promise<void> {
  await removeTranscript(ctx, jobId);
  if (transcript.resultJson === undefined && transcript.resultStorageId === undefined) return;
  await ctx.db.insert("transcripts", { jobId, ...transcript });
}

/** Deletes the document and its file. */
export async function removeTranscript(ctx: MutationCtx, jobId: string): Promise<void> {
  const document = await find(ctx, jobId);
  if (document?.resultStorageId) await ctx.storage.delete(document.resultStorageId);
  if (document) await ctx.db.delete("transcripts", document._id);
}

export async function isFileInUse(ctx: QueryCtx, jobId: string, id: Id<"_storage">): Promise<boolean> {
  return (await find(ctx, jobId))?.resultStorageId === id;
}

const find = (ctx: QueryCtx | MutationCtx, jobId: string) =>
  ctx.db
    .query("transcripts")
    .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
    .unique();
