/**
 * Deletes the rows of jobs that the API has never had: anybody can create a row, and without an end they would fill the
 * deployment. A job of which the API has sent a snapshot stays until its owner removes it.
 */
import { NO_SEQ } from "../../job/jobVersion.js";
import type { MutationCtx } from "../_generated/server.js";
import { addRows } from "./allowance.js";
import { removeTranscript } from "./transcript.js";

/** Milliseconds. The page of an upload that was broken off may still come back. */
const KEPT = 7 * 24 * 60 * 60_000;
const AT_ONCE = 500;

/** Returns whether there may be more. */
export async function deleteAbandonedRows(ctx: MutationCtx, now: number): Promise<boolean> {
  const rows = await ctx.db
    .query("jobs")
    .withIndex("by_presumed", (q) =>
      q
        .eq("presumed", true)
        .eq("seq", NO_SEQ)
        .lt("updatedAt", now - KEPT),
    )
    .take(AT_ONCE);
  for (const { _id, jobId, owner } of rows) {
    await removeTranscript(ctx, jobId);
    await ctx.db.delete("jobs", _id);
    if (owner !== undefined) await addRows(ctx, owner, -1);
  }
  return rows.length === AT_ONCE;
}
