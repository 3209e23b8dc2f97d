/**
 * Repairs what lost snapshots leave behind: asks the API about jobs without news. The request also starts an API that
 * sleeps with unfinished jobs, and repeats a cancel that the page could not deliver.
 */
import { type Infer, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type ActionCtx, env, internalAction, internalMutation } from "./_generated/server";
import { type ApiAnswer, requestJob } from "./model/apiRequest";
import { applySnapshot } from "./model/applySnapshot";
import { type Status, isTerminal } from "./model/jobVersion";
import { InvalidSnapshot, parseJobView } from "./model/snapshot";

// All times are milliseconds.
const MINUTE = 60_000;
const QUIET = 5 * MINUTE;
const MOST_ROWS = 100;
/** A sleeping container needs some seconds to start. */
const REQUEST = 25_000;
/** With one more request, less than the two minutes between rounds: rounds do not overlap. */
const ROUND = 90_000;

const ACTIVE: Status[] = ["pending", "queued", "processing", "waiting"];

/** A row and its `updatedAt` when the round began. By the row's own id: an old table may hold a `jobId` twice. */
const rowVersion = { row: v.id("transcriptionJobs"), updatedAt: v.number() };
const check = v.object({ ...rowVersion, jobId: v.string(), cancel: v.boolean() });
type Check = Infer<typeof check>;
type Row = Doc<"transcriptionJobs">;

const limits = { requestMs: v.optional(v.number()), roundMs: v.optional(v.number()) };

/** Starts a round for the jobs that need one; costs one function call when none does. Returns how many jobs it checks. */
export const start = internalMutation({
  args: { quietMs: v.optional(v.number()), ...limits },
  returns: v.number(),
  handler: async (ctx, { quietMs = QUIET, ...limits }) => {
    const now = Date.now();
    const jobs = () => ctx.db.query("transcriptionJobs");
    const quiet = await Promise.all(
      ACTIVE.map((status) =>
        jobs()
          .withIndex("by_status", (q) => q.eq("status", status).lte("updatedAt", now - quietMs))
          .take(MOST_ROWS),
      ),
    );
    const unconfirmedCancels = await jobs()
      .withIndex("by_cancelRequestedAt", (q) =>
        q.gt("cancelRequestedAt", 0).lte("cancelRequestedAt", now - Math.min(quietMs, MINUTE)),
      )
      .take(MOST_ROWS);
    // The index sorts a row without `updatedAt` before all others, also where the row was created just now.
    const due = [...quiet.flat().filter((row) => lastUpdate(row) <= now - quietMs), ...unconfirmedCancels];
    due.sort((a, b) => dueSince(a) - dueSince(b));
    const checks = Array.from(new Map(due.map((row) => [row._id, row])).values(), toCheck);
    if (checks.length > 0) await ctx.scheduler.runAfter(0, internal.reconcile.runChecks, { checks, ...limits });
    return checks.length;
  },
});

/** Asks the API about one job after another, until the time of the round is over or the API does not answer at all. */
export const runChecks = internalAction({
  args: { checks: v.array(check), ...limits },
  returns: v.null(),
  handler: async (ctx, { checks, requestMs = REQUEST, roundMs = ROUND }) => {
    const api = env.ESCRIBA_API_URL?.replace(/\/+$/, "");
    if (!api) {
      console.warn("ESCRIBA_API_URL is not set: jobs without news stay as they are.");
      return null;
    }
    const end = Date.now() + roundMs;
    for (const check of checks) {
      if (Date.now() > end) break;
      const { row, updatedAt, jobId, cancel } = check;
      const answer = await requestJob(`${api}/job/${jobId}`, cancel ? "DELETE" : "GET", requestMs);
      const isUpdated = await applyAnswer(ctx, check, answer);
      // No job may be the first of every round: not one whose answer is of no use, nor one that a cancel did not end.
      if (!isUpdated || cancel) await ctx.runMutation(internal.reconcile.moveToBack, { row, updatedAt });
      if (answer === "unreachable") break;
    }
    return null;
  },
});

/** Whether the answer changed the row. Throws nothing: a job that fails must not end the round for the others. */
async function applyAnswer(ctx: ActionCtx, { row, updatedAt, jobId }: Check, answer: ApiAnswer): Promise<boolean> {
  if (answer === "unreachable") return false;
  try {
    if (answer === "unknown_job") {
      await ctx.runMutation(internal.reconcile.endLostJob, { row, updatedAt });
      return true;
    }
    if (typeof answer === "string") throw new Error(answer);
    const snapshot = parseJobView(answer.job);
    if (snapshot.jobId !== jobId) throw new InvalidSnapshot("it is about another job");
    const outcome = await applySnapshot(ctx, snapshot);
    if (!outcome.ok) throw new Error(outcome.code);
    return outcome.outcome === "applied";
  } catch (error) {
    console.warn(`The API's answer about job ${jobId} is of no use: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

/** Ends a job that the API no longer knows, unless a snapshot came meanwhile. */
export const endLostJob = internalMutation({
  args: rowVersion,
  returns: v.null(),
  handler: async (ctx, { row: id, updatedAt }) => {
    const row = await ctx.db.get("transcriptionJobs", id);
    if (!row || isTerminal(row.status) || lastUpdate(row) !== updatedAt) return null;
    const isCancelled = row.cancelRequestedAt !== undefined;
    const now = Date.now();
    await ctx.db.patch("transcriptionJobs", id, {
      status: isCancelled ? "cancelled" : "failed",
      presumed: true,
      error: isCancelled ? undefined : JOB_LOST,
      cancelRequestedAt: undefined,
      completedAt: now,
      updatedAt: now,
    });
    return null;
  },
});

/** Moves a job that has not ended behind the others, in both of the indexes that `start` reads. */
export const moveToBack = internalMutation({
  args: rowVersion,
  returns: v.null(),
  handler: async (ctx, { row: id, updatedAt }) => {
    const row = await ctx.db.get("transcriptionJobs", id);
    if (!row || isTerminal(row.status)) return null;
    const now = Date.now();
    await ctx.db.patch("transcriptionJobs", id, {
      ...(lastUpdate(row) === updatedAt ? { updatedAt: now } : {}),
      ...(row.cancelRequestedAt === undefined ? {} : { cancelRequestedAt: now }),
    });
    return null;
  },
});

const JOB_LOST = {
  code: "job_lost",
  message: "The transcription service no longer knows this job.",
  retryable: false,
};

const toCheck = (row: Row): Check => ({
  row: row._id,
  updatedAt: lastUpdate(row),
  jobId: row.jobId,
  cancel: row.cancelRequestedAt !== undefined,
});

const lastUpdate = (row: Row) => row.updatedAt ?? row._creationTime;

const dueSince = (row: Row) => Math.min(lastUpdate(row), row.cancelRequestedAt ?? Infinity);
