/**
 * The alarm that starts the next round of `reconcile.ts`. One at a time, and none while no job waits for news: an idle
 * deployment costs no function calls.
 */
import { internal } from "../_generated/api.js";
import type { MutationCtx } from "../_generated/server.js";

// Milliseconds.
/** An alarm this late was lost, as by a deployment that failed: it is set anew. */
const LOST = 10 * 60_000;

/** Makes sure that a round starts at `at` or before. */
export async function setAlarm(ctx: MutationCtx, at: number, now = Date.now()): Promise<void> {
  const alarm = await ctx.db.query("alarms").first();
  if (alarm && alarm.at <= at && alarm.at > now - LOST) return;
  if (alarm) {
    const scheduled = await ctx.db.system.get("_scheduled_functions", alarm.scheduledId);
    if (scheduled?.state.kind === "pending") await ctx.scheduler.cancel(alarm.scheduledId);
    await ctx.db.delete("alarms", alarm._id);
  }
  const scheduledId = await ctx.scheduler.runAt(at, internal.reconcile.start, {});
  await ctx.db.insert("alarms", { at, scheduledId });
}

/** The round that the alarm started runs now. */
export async function clearAlarm(ctx: MutationCtx): Promise<void> {
  for (const alarm of await ctx.db.query("alarms").collect()) await ctx.db.delete("alarms", alarm._id);
}

/** Sets the alarm for the job that is due first, but no earlier than `earliest`. */
export async function setNextAlarm(ctx: MutationCtx, earliest: number): Promise<void> {
  const first = await ctx.db
    .query("jobs")
    .withIndex("by_checkAt", (q) => q.gt("checkAt", 0))
    .first();
  if (first?.checkAt !== undefined) await setAlarm(ctx, Math.max(first.checkAt, earliest));
}
