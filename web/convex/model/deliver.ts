/** Brings a snapshot to its row from an action, with its transcript in the place that can hold it. */
import { internal } from "../_generated/api";
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
  const resultStorageId = await ctx.storage.store(file);
  const outcome = await ctx.runMutation(internal.apply.snapshot, { ...snapshot, resultStorageId });
  if (!outcome.ok || outcome.outcome !== "applied") await ctx.storage.delete(resultStorageId);
  return outcome;
}
