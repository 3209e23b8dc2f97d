/** Applies a snapshot to its row from an action, and stores its transcript where there is room for it. */
import { internal } from "../_generated/api";
import type { Id } from "../_generated/dataModel";
import type { ActionCtx } from "../_generated/server";
import type { Outcome } from "../apply";
import type { Snapshot } from "./snapshot";

/** Bytes. A document may have 1 MiB, and every page that watches the job receives all of it. */
export const LARGEST_INLINE_RESULT = 256 * 1024;

export async function applySnapshot(ctx: ActionCtx, { result, ...snapshot }: Snapshot): Promise<Outcome> {
  if (result === null) return await ctx.runMutation(internal.apply.snapshot, snapshot);
  const resultJson = JSON.stringify(result);
  const file = new Blob([resultJson], { type: "application/json" });
  if (file.size <= LARGEST_INLINE_RESULT)
    return await ctx.runMutation(internal.apply.snapshot, { ...snapshot, resultJson });
  return await applyWithFile(ctx, snapshot, file);
}

/** Deletes the file again unless the row names it now, also where the mutation throws. */
async function applyWithFile(ctx: ActionCtx, snapshot: Omit<Snapshot, "result">, file: Blob): Promise<Outcome> {
  const resultStorageId = await ctx.storage.store(file);
  let isApplied = false;
  try {
    const outcome = await ctx.runMutation(internal.apply.snapshot, { ...snapshot, resultStorageId });
    isApplied = outcome.ok && outcome.outcome === "applied";
    return outcome;
  } finally {
    if (!isApplied) await discardFile(ctx, snapshot.jobId, resultStorageId);
  }
}

/** Throws nothing: the caller needs to know what became of the snapshot, whatever becomes of the file. */
async function discardFile(ctx: ActionCtx, jobId: string, resultStorageId: Id<"_storage">): Promise<void> {
  try {
    await ctx.runMutation(internal.apply.discardFile, { jobId, resultStorageId });
  } catch (error) {
    console.warn(`The file ${resultStorageId} of job ${jobId} was not deleted.`, error);
  }
}
