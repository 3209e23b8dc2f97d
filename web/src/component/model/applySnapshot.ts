/** Applies a snapshot from an action of the component, and stores its transcript where there is room for it. */
import { isInline } from "../../job/resultSize.js";
import type { Snapshot } from "../../job/snapshot.js";
import { api, internal } from "../_generated/api.js";
import type { Id } from "../_generated/dataModel.js";
import type { ActionCtx } from "../_generated/server.js";
import type { Outcome, SnapshotFields } from "./snapshotWriter.js";

export async function applySnapshot(ctx: ActionCtx, { result, ...snapshot }: Snapshot): Promise<Outcome> {
  if (result === null) return await ctx.runMutation(api.snapshots.apply, { snapshot });
  const resultJson = JSON.stringify(result);
  if (isInline(resultJson)) return await ctx.runMutation(api.snapshots.apply, { snapshot, resultJson });
  return await applyWithFile(ctx, snapshot, resultJson);
}

/** Deletes the file again unless the row names it now, also where the mutation throws. */
export async function applyWithFile(ctx: ActionCtx, snapshot: SnapshotFields, resultJson: string): Promise<Outcome> {
  const resultStorageId = await ctx.storage.store(new Blob([resultJson], { type: "application/json" }));
  let isApplied = false;
  try {
    const outcome = await ctx.runMutation(internal.snapshots.applyFile, { snapshot, resultStorageId });
    isApplied = outcome.ok && outcome.outcome === "applied";
    return outcome;
  } finally {
    if (!isApplied) await discardFile(ctx, snapshot.jobId, resultStorageId);
  }
}

/** Throws nothing: the caller needs to know what became of the snapshot, whatever becomes of the file. */
async function discardFile(ctx: ActionCtx, jobId: string, resultStorageId: Id<"_storage">): Promise<void> {
  try {
    await ctx.runMutation(internal.snapshots.discardFile, { jobId, resultStorageId });
  } catch (error) {
    console.warn(`The file ${resultStorageId} of job ${jobId} was not deleted.`, error);
  }
}
