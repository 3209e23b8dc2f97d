/** What a page may do: make a job's row, watch it, list its own, ask to cancel, remove. */
import { ConvexError, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { type MutationCtx, type QueryCtx, mutation, query } from "./_generated/server";
import { type Caller, identify, mayAdopt, mayUse, ownerOf } from "./model/access";
import { isTerminal } from "./model/jobVersion";
import { removeResult } from "./model/result";
import { isJobId } from "./model/snapshot";
import { jobSummary, jobView, position, present, toSummary } from "./model/jobView";

/** Rows of before may hold their transcript, and a query reads 16 MiB at most. */
const LONGEST_LIST = 50;

const access = { jobId: v.string(), ownerToken: v.optional(v.string()) };

/**
 * Makes the row of a job, before the page sends the API anything. Again for the same job is
 * harmless. A row from before this schema that names neither an owner nor a user becomes the caller's.
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

/** One job with its transcript; null when there is none such, or it is another's. */
export const get = query({
  args: access,
  returns: v.union(jobView, v.null()),
  handler: async (ctx, { jobId, ownerToken }) => {
    const row = await findOwn(ctx, jobId, await identify(ctx, ownerToken));
    return row && (await present(ctx, row));
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
    const found = await Promise.all([
      ...[user, token]
        .filter((owner) => owner !== undefined)
        .map((owner) =>
          jobs()
            .withIndex("by_owner", (q) => q.eq("owner", owner))
            .order("desc")
            .take(most),
        ),
      ...legacyIds.map((id) =>
        jobs()
          .withIndex("by_userId", (q) => q.eq("userId", id))
          .order("desc")
          .filter((q) => q.eq(q.field("owner"), undefined))
          .take(most),
      ),
    ]);
    return found
      .flat()
      .map(toSummary)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, most);
  },
});

/**
 * Notes that the owner wants this job cancelled. The page also tells the API (`DELETE /job/{id}`),
 * and the API alone decides: it may have completed the job in the same moment, and two deciders
 * could disagree for ever. If the page's request never arrives, `reconcile.ts` repeats it.
 *
 * `run` says which run is meant: the wish may be delivered late, and is not for the next one.
 * `unknownToApi` is for a job the API answers 404 to: then nobody else would end the row.
 */
export const cancel = mutation({
  args: { ...access, run: v.optional(v.number()), unknownToApi: v.optional(v.boolean()) },
  returns: v.object({ outcome: v.union(v.literal("requested"), v.literal("cancelled"), v.literal("ended")) }),
  handler: async (ctx, { jobId, ownerToken, run, unknownToApi = false }) => {
    const row = await findOwn(ctx, jobId, await identify(ctx, ownerToken));
    if (!row) throw new ConvexError({ code: "job_not_found", message: "There is no such job of yours." });
    const current = position(row);
    const isPast = run !== undefined && run !== current.run;
    if (isPast || isTerminal(current.status)) return { outcome: "ended" as const };
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
 * Removes a job's row and transcript, also of one that has not ended here: the page has deleted it
 * at the API before, and while news is late the row cannot know. What the API still tells of it is
 * answered 404. False when there was nothing of the caller's to remove.
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
