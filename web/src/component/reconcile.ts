/**
 * Repairs what lost snapshots leave behind: asks the API about jobs without news. The request also starts an API that
 * sleeps with unfinished jobs, and repeats a cancel that the page could not deliver. `model/checkTime.ts` says when.
 */
import { type Infer, v } from "convex/values";
import { type Status, isNewer, isTerminal } from "../job/jobVersion.js";
import { InvalidSnapshot, parseJobView } from "../job/snapshot.js";
import { internal } from "./_generated/api.js";
import { type ActionCtx, env, internalAction, internalMutation } from "./_generated/server.js";
import { deleteAbandonedRows } from "./model/abandonedRows.js";
import { clearAlarm, setNextAlarm } from "./model/alarm.js";
import { deleteUnusedAccounts } from "./model/allowance.js";
import { type ApiAnswer, requestJob } from "./model/apiRequest.js";
import { applySnapshot } from "./model/applySnapshot.js";
import { nextCheck } from "./model/checkTime.js";
import { versionOf } from "./model/jobView.js";
import { jobStatus } from "./schema.js";

// Milliseconds.
/** A sleeping container needs some seconds to start. */
const REQUEST = 25_000;
const ROUND = 90_000;
/** With one more request, more than a round lasts: rounds do not overlap. */
const BETWEEN_ROUNDS = 120_000;
const MOST_ROWS = 100;

/** A row as the round found it: where it has changed since, the API's answer to this question is old. */
const check = v.object({
  row: v.id("jobs"),
  jobId: v.string(),
  updatedAt: v.number(),
  cancel: v.boolean(),
  version: v.object({ status: jobStatus, run: v.number(), seq: v.number(), presumed: v.boolean() }),
});
type Check = Infer<typeof check>;

/**
 * Starts a round for the jobs that are due. Each job gets its next time before the API is asked, so no job can be the
 * first of every round. Returns how many jobs the round checks.
 */
export const start = internalMutation({
  args: { requestMs: v.optional(v.number()), roundMs: v.optional(v.number()) },
  returns: v.number(),
  handler: async (ctx, limits) => {
    const now = Date.now();
    await clearAlarm(ctx);
    const due = await ctx.db
      .query("jobs")
      .withIndex("by_checkAt", (q) => q.gt("checkAt", 0).lte("checkAt", now))
      .take(MOST_ROWS);
    for (const row of due) {
      const checks = row.checks + 1;
      await ctx.db.patch("jobs", row._id, { checks, checkAt: nextCheck({ ...row, checks }, now) });
    }
    const checks = due.map((row): Check => {
      const { _id, jobId, updatedAt } = row;
      return { row: _id, jobId, updatedAt, cancel: row.cancelRequestedAt !== undefined, version: versionOf(row) };
    });
    if (checks.length > 0) await ctx.scheduler.runAfter(0, internal.reconcile.runChecks, { checks, ...limits });
    await setNextAlarm(ctx, now + BETWEEN_ROUNDS);
    return checks.length;
  },
});

/** Asks the API about one job after another, until the time of the round is over or the API does not answer at all. */
export const runChecks = internalAction({
  args: { checks: v.array(check), requestMs: v.optional(v.number()), roundMs: v.optional(v.number()) },
  returns: v.null(),
  handler: async (ctx, { checks, requestMs = REQUEST, roundMs = ROUND }) => {
    const url = env.ESCRIBA_API_URL?.replace(/\/+$/, "");
    if (!url) {
      console.warn("ESCRIBA_API_URL is not set: jobs without news stay as they are.");
      return null;
    }
    const api = { url, key: env.ESCRIBA_ACCESS_KEY, timeoutMs: requestMs };
    const end = Date.now() + roundMs;
    for (const check of checks) {
      if (Date.now() > end) break;
      const answer = await requestJob(check.jobId, check.cancel ? "DELETE" : "GET", api);
      if (answer === "unreachable") break;
      await applyAnswer(ctx, check, answer);
    }
    return null;
  },
});

/** Throws nothing: a job that fails must not end the round for the others. */
async function applyAnswer(
  ctx: ActionCtx,
  { row, jobId, updatedAt, version }: Check,
  answer: ApiAnswer,
): Promise<void> {
  try {
    if (answer === "unknown_job")
      return void (await ctx.runMutation(internal.reconcile.endLostJob, { row, updatedAt }));
    if (typeof answer === "string") throw new Error(answer);
    const snapshot = parseJobView(answer.job);
    if (snapshot.jobId !== jobId) throw new InvalidSnapshot("it is about another job");
    if (!isNewer(snapshot, version)) return; // no news: no call of a mutation either
    const outcome = await applySnapshot(ctx, snapshot);
    if (!outcome.ok) throw new Error(outcome.code);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`The API's answer about job ${jobId} is of no use: ${reason}`);
  }
}

/** Ends a job that the API no longer knows, unless a snapshot came meanwhile. */
export const endLostJob = internalMutation({
  args: { row: v.id("jobs"), updatedAt: v.number() },
  returns: v.null(),
  handler: async (ctx, { row: id, updatedAt }) => {
    const row = await ctx.db.get("jobs", id);
    if (!row || isTerminal(row.status) || row.updatedAt !== updatedAt) return null;
    const isCancelled = row.cancelRequestedAt !== undefined;
    const status: Status = isCancelled ? "cancelled" : "failed";
    const now = Date.now();
    await ctx.db.patch("jobs", id, {
      ...{ status, presumed: true, completedAt: now, updatedAt: now },
      ...{ cancelRequestedAt: undefined, checkAt: undefined },
      error: isCancelled ? undefined : JOB_LOST,
    });
    return null;
  },
});

/** See `crons.ts`. */
export const tidy = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const now = Date.now();
    if (await deleteAbandonedRows(ctx, now)) await ctx.scheduler.runAfter(0, internal.reconcile.tidy, {});
    await deleteUnusedAccounts(ctx);
    await setNextAlarm(ctx, now);
    return null;
  },
});

const JOB_LOST = {
  code: "job_lost",
  message: "The transcription service no longer knows this job.",
  retryable: false,
};
