/**
 * Repairs what pushing cannot: asks the API about jobs without news. The question also wakes an API
 * that has gone to sleep with work left, and brings it a cancel that the page could not deliver.
 */
import { type Infer, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type ActionCtx, env, internalAction, internalMutation } from "./_generated/server";
import { type Answer, askAbout } from "./model/ask";
import { deliver } from "./model/deliver";
import { isTerminal, type Status } from "./model/order";
import { InvalidSnapshot, parseJobView } from "./model/snapshot";

const MINUTE = 60_000;
const QUIET = 5 * MINUTE;
const AT_ONCE = 100;

const ACTIVE: Status[] = ["pending", "queued", "processing", "waiting"];

/** By the row's own id: a table from elsewhere may have a `jobId` twice. */
const seen = { row: v.id("transcriptionJobs"), seenAt: v.number() };
const question = v.object({ ...seen, jobId: v.string(), cancel: v.boolean() });
type Question = Infer<typeof question>;

/** Looks for quiet jobs; costs one function call when there are none. Returns how many it asks about. */
export const start = internalMutation({
  args: { quietMs: v.optional(v.number()) },
  returns: v.number(),
  handler: async (ctx, { quietMs = QUIET }) => {
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
    const rows = new Map(due.map((row) => [row._id, row]));
    const questions = Array.from(rows.values(), (row) => ({
      row: row._id,
      seenAt: heardAt(row),
      jobId: row.jobId,
      cancel: row.cancelRequestedAt !== undefined,
    }));
    if (questions.length > 0) await ctx.scheduler.runAfter(0, internal.reconcile.ask, { questions });
    return questions.length;
  },
});

/** Asks the API, job by job, and stops at the first sign that it is away: the next round will do. */
export const ask = internalAction({
  args: { questions: v.array(question) },
  returns: v.null(),
  handler: async (ctx, { questions }) => {
    const api = env.ESCRIBA_API_URL;
    if (!api) return (console.warn("ESCRIBA_API_URL is not set: jobs without news cannot be looked after."), null);
    for (const question of questions) {
      const { row, seenAt, jobId, cancel } = question;
      const answer = await askAbout(`${api.replace(/\/+$/, "")}/job/${jobId}`, cancel ? "DELETE" : "GET");
      if (answer === "away") break;
      // What taught nothing was asked all the same: others go first in the next round.
      if (!(await learn(ctx, question, answer))) await ctx.runMutation(internal.reconcile.touch, { row, seenAt });
    }
    return null;
  },
});

/** Whether the row is now what the API said. Throws nothing: no job may keep others from being asked about. */
async function learn(ctx: ActionCtx, { row, seenAt, jobId }: Question, answer: Answer): Promise<boolean> {
  try {
    if (answer === "unknown") return (await ctx.runMutation(internal.reconcile.settle, { row, seenAt }), true);
    if (typeof answer === "string") throw new Error("the API could not tell");
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

export const touch = internalMutation({
  args: seen,
  returns: v.null(),
  handler: async (ctx, { row: id, seenAt }) => {
    const row = await ctx.db.get("transcriptionJobs", id);
    if (row && unchanged(row, seenAt)) await ctx.db.patch("transcriptionJobs", id, { updatedAt: Date.now() });
    return null;
  },
});

const heardAt = (row: Doc<"transcriptionJobs">) => row.updatedAt ?? row._creationTime;

const unchanged = (row: Doc<"transcriptionJobs">, seenAt: number) => !isTerminal(row.status) && heardAt(row) === seenAt;
