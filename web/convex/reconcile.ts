/**
 * Repairs what pushing cannot: asks the API about jobs without news. The question also wakes an API
 * that has gone to sleep with work left, and brings it a cancel that the page could not deliver.
 */
import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type ActionCtx, env, internalAction, internalMutation } from "./_generated/server";
import { deliver } from "./model/deliver";
import { isTerminal, type Status } from "./model/order";
import { InvalidSnapshot, parseJobView } from "./model/snapshot";

const MINUTE = 60_000;
const QUIET = 5 * MINUTE;
const AT_ONCE = 100;
/** A sleeping container needs some seconds to rise. */
const ANSWER_WITHIN = 25_000;

/** What the API says of a job that is no more; its 404 for an address it does not have is another. */
const NO_MORE = ["job_not_found", "job_expired"];

const ACTIVE: Status[] = ["pending", "queued", "processing", "waiting"];

const question = v.object({ jobId: v.string(), cancel: v.boolean(), seenAt: v.number() });

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
    const rows = new Map([...quiet.flat(), ...undelivered].map((row) => [row._id, row]));
    const questions = Array.from(rows.values(), (row) => ({
      jobId: row.jobId,
      cancel: row.cancelRequestedAt !== undefined,
      seenAt: heardAt(row),
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
    for (const { jobId, cancel, seenAt } of questions) {
      const answer = await about(`${api.replace(/\/+$/, "")}/job/${jobId}`, cancel ? "DELETE" : "GET");
      if (answer === "away") break;
      if (answer === "unknown") await ctx.runMutation(internal.reconcile.settle, { jobId, seenAt });
      else await hear(ctx, answer, jobId, seenAt);
    }
    return null;
  },
});

async function hear(ctx: ActionCtx, body: unknown, jobId: string, seenAt: number): Promise<void> {
  try {
    const snapshot = parseJobView(body);
    if (snapshot.jobId !== jobId) throw new InvalidSnapshot("the answer is about another job");
    const outcome = await deliver(ctx, snapshot);
    if (!outcome.ok || outcome.outcome === "applied") return;
  } catch (error) {
    if (!(error instanceof InvalidSnapshot)) throw error;
    console.warn(`The API's answer about job ${jobId} cannot be read: ${error.message}`);
  }
  // Nothing new, but it was asked: others go first in the next round.
  await ctx.runMutation(internal.reconcile.touch, { jobId, seenAt });
}

/** The API's job; "unknown" only when the API itself says so; "away" for everything else. */
async function about(url: string, method: "GET" | "DELETE"): Promise<unknown | "unknown" | "away"> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ANSWER_WITHIN);
  try {
    const response = await fetch(url, { method, headers: { accept: "application/json" }, signal: patience.signal });
    const body: unknown = await response.json();
    if (response.ok) return body;
    // A proxy before a sleeping or moved API answers 404 too, but not in the API's own form.
    const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
    return [404, 410].includes(response.status) && NO_MORE.includes(String(code)) ? "unknown" : "away";
  } catch {
    return "away";
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a job that the API no longer knows, unless there was news of it since. */
export const settle = internalMutation({
  args: { jobId: v.string(), seenAt: v.number() },
  returns: v.null(),
  handler: async (ctx, { jobId, seenAt }) => {
    const row = await ctx.db
      .query("transcriptionJobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
      .unique();
    if (!row || !unchanged(row, seenAt)) return null;
    const status = row.cancelRequestedAt === undefined ? ("failed" as const) : ("cancelled" as const);
    const now = Date.now();
    const error = {
      code: "job_lost",
      message: "The transcription service no longer knows this job.",
      retryable: false,
    };
    await ctx.db.patch("transcriptionJobs", row._id, {
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
  args: { jobId: v.string(), seenAt: v.number() },
  returns: v.null(),
  handler: async (ctx, { jobId, seenAt }) => {
    const row = await ctx.db
      .query("transcriptionJobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
      .unique();
    if (row && unchanged(row, seenAt)) await ctx.db.patch("transcriptionJobs", row._id, { updatedAt: Date.now() });
    return null;
  },
});

const heardAt = (row: Doc<"transcriptionJobs">) => row.updatedAt ?? row._creationTime;

const unchanged = (row: Doc<"transcriptionJobs">, seenAt: number) => !isTerminal(row.status) && heardAt(row) === seenAt;
