/**
 * Repairs what pushing cannot: asks the API about jobs without news. The question also wakes an API
 * that has gone to sleep with work left, and brings it a cancel that the page could not deliver.
 */
import { type Infer, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type ActionCtx, env, internalAction, internalMutation } from "./_generated/server";
import { type Answer, requestJob } from "./model/apiRequest";
import { deliver } from "./model/applySnapshot";
import { isTerminal, type Status } from "./model/jobVersion";
import { InvalidSnapshot, parseJobView } from "./model/snapshot";

const MINUTE = 60_000;
const QUIET = 5 * MINUTE;
const AT_ONCE = 100;
/** A sleeping container needs some seconds to start. */
const REQUEST = 25_000;
/** With one more request, less than the two minutes between rounds, so that rounds do not overlap. */
const ROUND = 90_000;

const ACTIVE: Status[] = ["pending", "queued", "processing", "waiting"];

/** By the row's own id: a table from elsewhere may have a `jobId` twice. */
const seen = { row: v.id("transcriptionJobs"), seenAt: v.number() };
const question = v.object({ ...seen, jobId: v.string(), cancel: v.boolean() });
type Question = Infer<typeof question>;

const limits = { requestMs: v.optional(v.number()), roundMs: v.optional(v.number()) };

/** Looks for quiet jobs; costs one function call when there are none. Returns how many it asks about. */
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
          .take(AT_ONCE),
      ),
    );
    const undelivered = await jobs()
      .withIndex("by_cancelRequestedAt", (q) =>
        q.gt("cancelRequestedAt", 0).lte("cancelRequestedAt", now - Math.min(quietMs, MINUTE)),
      )
      .take(AT_ONCE);
    // To the index a row without `updatedAt` is older than any other, also one made this moment.
    const due = [...quiet.flat().filter((row) => heardAt(row) <= now - quietMs), ...undelivered];
    due.sort((a, b) => waitsSince(a) - waitsSince(b));
    const rows = new Map(due.map((row) => [row._id, row]));
    const questions = Array.from(rows.values(), (row) => ({
      row: row._id,
      seenAt: heardAt(row),
      jobId: row.jobId,
      cancel: row.cancelRequestedAt !== undefined,
    }));
    if (questions.length > 0) await ctx.scheduler.runAfter(0, internal.reconcile.ask, { questions, ...limits });
    return questions.length;
  },
});

/** Asks the API, job by job, until the round's time is over or the API does not answer at all. */
export const ask = internalAction({
  args: { questions: v.array(question), ...limits },
  returns: v.null(),
  handler: async (ctx, { questions, requestMs = REQUEST, roundMs = ROUND }) => {
    const api = env.ESCRIBA_API_URL;
    if (!api) return (console.warn("ESCRIBA_API_URL is not set: jobs without news cannot be looked after."), null);
    const end = Date.now() + roundMs;
    for (const question of questions) {
      if (Date.now() > end) break;
      const { row, seenAt, jobId, cancel } = question;
      const url = `${api.replace(/\/+$/, "")}/job/${jobId}`;
      const answer = await requestJob(url, cancel ? "DELETE" : "GET", requestMs);
      const isApplied = answer !== "away" && (await learn(ctx, question, answer));
      // A job that the API cannot answer for, and a cancel that has not ended its job, let the others go first next time.
      if (!isApplied || cancel) await ctx.runMutation(internal.reconcile.touch, { row, seenAt });
      if (answer === "away") break;
    }
    return null;
  },
});

/** Whether the row is now what the API said. Throws nothing: no job may keep others from being asked about. */
async function learn(ctx: ActionCtx, { row, seenAt, jobId }: Question, answer: Answer): Promise<boolean> {
  try {
    if (answer === "unknown") return (await ctx.runMutation(internal.reconcile.settle, { row, seenAt }), true);
    if (typeof answer === "string")
      throw new Error(answer === "timeout" ? "it did not come in time" : "it is an error");
    const snapshot = parseJobView(answer.job);
    if (snapshot.jobId !== jobId) throw new InvalidSnapshot("it is about another job");
    const outcome = await deliver(ctx, snapshot);
    if (!outcome.ok) throw new Error(outcome.code);
    return outcome.outcome === "applied";
  } catch (error) {
    console.warn(`The API's answer about job ${jobId} is of no use: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

/** Ends a job that the API no longer knows, unless there was news of it since. */
export const settle = internalMutation({
  args: seen,
  returns: v.null(),
  handler: async (ctx, { row: id, seenAt }) => {
    const row = await ctx.db.get("transcriptionJobs", id);
    if (!row || !unchanged(row, seenAt)) return null;
    const status = row.cancelRequestedAt === undefined ? ("failed" as const) : ("cancelled" as const);
    const now = Date.now();
    const error = {
      code: "job_lost",
      message: "The transcription service no longer knows this job.",
      retryable: false,
    };
    await ctx.db.patch("transcriptionJobs", id, {
      status,
      presumed: true,
      error: status === "failed" ? error : undefined,
      cancelRequestedAt: undefined,
      completedAt: now,
      updatedAt: now,
    });
    return null;
  },
});

/** Moves a job that has not ended behind the others, in both of the orders that `start` looks at. */
export const touch = internalMutation({
  args: seen,
  returns: v.null(),
  handler: async (ctx, { row: id, seenAt }) => {
    const row = await ctx.db.get("transcriptionJobs", id);
    if (!row || isTerminal(row.status)) return null;
    const now = Date.now();
    await ctx.db.patch("transcriptionJobs", id, {
      ...(unchanged(row, seenAt) ? { updatedAt: now } : {}),
      ...(row.cancelRequestedAt === undefined ? {} : { cancelRequestedAt: now }),
    });
    return null;
  },
});

const heardAt = (row: Doc<"transcriptionJobs">) => row.updatedAt ?? row._creationTime;

const unchanged = (row: Doc<"transcriptionJobs">, seenAt: number) => !isTerminal(row.status) && heardAt(row) === seenAt;

const waitsSince = (row: Doc<"transcriptionJobs">) => Math.min(heardAt(row), row.cancelRequestedAt ?? Infinity);
