/** What a page may do: create a job's row, watch it, list its own jobs, ask to cancel a job, remove it. */
import { ConvexError, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { type MutationCtx, type QueryCtx, mutation, query } from "./_generated/server";
import { type Caller, identify, mayAdopt, mayUse, ownerOf } from "./model/access";
import { isTerminal } from "./model/jobVersion";
import { removeResult } from "./model/result";
import { isJobId } from "./model/snapshot";
import { jobSummary, jobView, toSummary, toView, versionOf } from "./model/jobView";

/** Old rows may hold their transcripts, and a query reads 16 MiB at most. */
const LONGEST_LIST = 50;

const access = { jobId: v.string(), ownerToken: v.optional(v.string()) };

/**
 * Creates the row of a job, before the page sends the API anything. A second call for the same job changes nothing.
 * A row from before this schema that names neither an owner nor a user becomes the caller's.
 */
export const create = mutation({
  args: { ...access, userId: v.optional(v.string()), filename: v.optional(v.string()) },
  returns: v.object({ created: v.boolean() }),
  handler: async (ctx, { jobId, ownerToken, userId, filename }) => {
    if (!isJobId(jobId)) throw invalid("jobId must be a UUID.");
    if ((filename?.length ?? 0) > 1024) throw invalid("filename is too long.");
    if ((userId?.length ?? 0) > 256) throw invalid("userId is too long.");
    const caller = await identify(ctx, ownerToken);
    const owner = ownerOf(caller);
    const row = await find(ctx, jobId);
    if (row === null) {
      const now = Date.now();
      const labels = { ...(userId ? { userId } : {}), ...(filename ? { filename } : {}) };
      const start = { status: "pending", progress: 0, run: 1, createdAt: now, updatedAt: now } as const;
      await ctx.db.insert("transcriptionJobs", { jobId, owner, ...labels, ...start });
      return { created: true };
    }
    if (mayUse(row, caller)) return { created: false };
    if (!mayAdopt(row)) throw new ConvexError({ code: "forbidden", message: "This job has another owner." });
    await ctx.db.patch("transcriptionJobs", row._id, { owner });
    return { created: false };
  },
});

/** One job with its transcript; null when there is no such job of the caller's. */
export const get = query({
  args: access,
  returns: v.union(jobView, v.null()),
  handler: async (ctx, { jobId, ownerToken }) => {
    const row = await findOwn(ctx, jobId, await identify(ctx, ownerToken));
    return row && (await toView(ctx, row));
  },
});

/** The caller's jobs without their transcripts, newest first. */
export const list = query({
  args: { ownerToken: v.optional(v.string()), limit: v.optional(v.number()) },
  returns: v.array(jobSummary),
  handler: async (ctx, { ownerToken, limit = 20 }) => {
    const most = Math.max(1, Math.min(Math.floor(limit) || 1, LONGEST_LIST));
    const { user, token, legacyIds } = await identify(ctx, ownerToken);
    const jobs = () => ctx.db.query("transcriptionJobs");
    const owners = [user, token].filter((owner) => owner !== undefined);
    const owned = owners.map((owner) =>
      jobs()
        .withIndex("by_owner", (q) => q.eq("owner", owner))
        .order("desc"),
    );
    const legacy = legacyIds.map((id) =>
      jobs()
        .withIndex("by_userId", (q) => q.eq("userId", id))
        .order("desc")
        .filter((q) => q.eq(q.field("owner"), undefined)),
    );
    const rows = await Promise.all([...owned, ...legacy].map((query) => query.take(most)));
    return rows
      .flat()
      .map(toSummary)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, most);
  },
});

/**
 * Notes that the owner asks to cancel this job. The page also sends the API `DELETE /job/{id}`, and the API alone
 * decides: it may have completed the job in the same moment, and then a row that this function ended would differ from
 * the API for ever. If the page's request does not reach the API, `reconcile.ts` repeats it.
 *
 * `run` is the run to cancel: this call may arrive late, when the next run has started. `unknownToApi` is for a job
 * that the API answers 404 for: then nothing else would end the row.
 */
export const cancel = mutation({
  args: { ...access, run: v.optional(v.number()), unknownToApi: v.optional(v.boolean()) },
  returns: v.object({ outcome: v.union(v.literal("requested"), v.literal("cancelled"), v.literal("ended")) }),
  handler: async (ctx, { jobId, ownerToken, run, unknownToApi = false }) => {
    const row = await findOwn(ctx, jobId, await identify(ctx, ownerToken));
    if (!row) throw new ConvexError({ code: "job_not_found", message: "There is no such job of yours." });
    const current = versionOf(row);
    const isOtherRun = run !== undefined && run !== current.run;
    if (isOtherRun || isTerminal(current.status)) return { outcome: "ended" as const };
    const now = Date.now();
    if (unknownToApi) {
      const end = { status: "cancelled", presumed: true, completedAt: now, updatedAt: now } as const;
      await ctx.db.patch("transcriptionJobs", row._id, { ...end, cancelRequestedAt: undefined });
      return { outcome: "cancelled" as const };
    }
    await ctx.db.patch("transcriptionJobs", row._id, { cancelRequestedAt: row.cancelRequestedAt ?? now });
    return { outcome: "requested" as const };
  },
});

/**
 * Deletes a job's row and transcript, also where the row has not ended: the page has deleted the job at the API
 * before, and the snapshot that says so may be late. The API's later snapshots of it are answered 404. False when
 * there is no such job of the caller's.
 */
export const remove = mutation({
  args: access,
  returns: v.boolean(),
  handler: async (ctx, { jobId, ownerToken }) => {
    const row = await findOwn(ctx, jobId, await identify(ctx, ownerToken));
    if (!row) return false;
    await removeResult(ctx, row);
    await ctx.db.delete("transcriptionJobs", row._id);
    return true;
  },
});

const invalid = (message: string) => new ConvexError({ code: "invalid_argument", message });

const find = (ctx: QueryCtx | MutationCtx, jobId: string) =>
  ctx.db
    .query("transcriptionJobs")
    .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
    .unique();

async function findOwn(ctx: QueryCtx, jobId: string, caller: Caller): Promise<Doc<"transcriptionJobs"> | null> {
  const row = await find(ctx, jobId);
  return row && mayUse(row, caller) ? row : null;
}
