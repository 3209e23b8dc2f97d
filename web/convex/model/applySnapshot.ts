/** Brings a snapshot to its row from an action, with its transcript in the place that can hold it. */
import { internal } from "../_generated/api";
import type { Id } from "../_generated/dataModel";
import type { ActionCtx } from "../_generated/server";
import type { Outcome } from "../apply";
import type { Snapshot } from "./snapshot";

/** A row may have 1 MiB, and whoever watches the job receives all of it. */
export const LARGEST_INLINE_RESULT = 256 * 1024;

export async function deliver(ctx: ActionCtx, { result, ...snapshot }: Snapshot): Promise<Outcome> {
  if (result === null) return await ctx.runMutation(internal.apply.snapshot, snapshot);
  const resultJson = JSON.stringify(result);
  const file = new Blob([resultJson], { type: "application/json" });
  if (file.size <= LARGEST_INLINE_RESULT)
    return await ctx.runMutation(internal.apply.snapshot, { ...snapshot, resultJson });
  return await deliverWithFile(ctx, snapshot, file);
}

/** Deletes the file again unless the row took it, also where the mutation throws. */
async function deliverWithFile(ctx: ActionCtx, snapshot: Omit<Snapshot, "result">, file: Blob): Promise<Outcome> {
  const resultStorageId = await ctx.storage.store(file);
  let isTaken = false;
  try {
    const outcome = await ctx.runMutation(internal.apply.snapshot, { ...snapshot, resultStorageId });
    isTaken = outcome.ok && outcome.outcome === "applied";
    return outcome;
  } finally {
    if (!isTaken) await discard(ctx, snapshot.jobId, resultStorageId);
  }
}

/** Throws nothing: what happened to the snapshot is the caller's answer, not what happened to a spare file. */
async function discard(ctx: ActionCtx, jobId: string, resultStorageId: Id<"_storage">): Promise<void> {
  try {
    await ctx.runMutation(internal.apply.discardFile, { jobId, resultStorageId });
  } catch (error) {
    console.warn(`The file ${resultStorageId} of job ${jobId} was not deleted.`, error);
  }
}
