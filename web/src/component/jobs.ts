/**
 * What an app's functions do with jobs for their callers. The app says who the caller is: `owners` are the names under
 * which rows are the caller's, and a new row gets the first of them.
 */
import { ConvexError, v } from "convex/values";
import { NO_SEQ, isTerminal } from "../job/jobVersion.js";
import { isJobId } from "../job/snapshot.js";
import type { Doc } from "./_generated/dataModel.js";
import { type MutationCtx, type QueryCtx, env, mutation, query } from "./_generated/server.js";
import { setAlarm } from "./model/alarm.js";
import { addRows, countRow, limits } from "./model/allowance.js";
import { nextCheck } from "./model/checkTime.js";
import { jobSummary, jobView, toSummary, toView, versionOf } from "./model/jobView.js";
import { findRow } from "./model/row.js";
import { subjectOf } from "./model/subject.js";
import { removeTranscript } from "./model/transcript.js";

const LONGEST_LIST = 100;
const LONGEST_NAME = 1_024;
const LONGEST_USER_ID = 256;

const access = { jobId: v.string(), owners: v.array(v.string()) };

/**
 * Creates the row of a job, before the page sends the API anything. A second call for the same job changes nothing.
 * `subject` is the user that the API must know before the page sends it the job; absent where it asks for no keys.
 */
export const create = mutation({
  args: {
    ...access,
    ...{ userId: v.optional(v.string()), filename: v.optional(v.string()) },
    ...{ isAnonymous: v.boolean(), limits },
  },
  returns: v.object({ created: v.boolean(), subject: v.optional(v.string()) }),
  handler: async (ctx, { jobId, owners, userId, filename, isAnonymous, limits }) => {
    if (!isJobId(jobId)) throw invalid("jobId must be a UUID.");
    if ((filename?.length ?? 0) > LONGEST_NAME) throw invalid("filename is too long.");
    if ((userId?.length ?? 0) > LONGEST_USER_ID) throw invalid("userId is too long.");
    const [owner] = owners;
    if (!owner) throw invalid("owners must name the owner of a new row.");
    const row = await findRow(ctx, jobId);
    if (row) return await adopt(ctx, row, owners);
    await countRow(ctx, owner, isAnonymous, limits);
    const now = Date.now();
    const checkAt = nextCheck({ status: "pending", checks: 0 }, now)!;
    const labels = { ...(userId ? { userId } : {}), ...(filename ? { filename } : {}) };
    const start = { status: "pending", progress: 0, run: 1, seq: NO_SEQ, createdAt: now, updatedAt: now } as const;
    await ctx.db.insert("jobs", { jobId, owner, ...labels, ...start, checkAt, checks: 0 });
    await setAlarm(ctx, checkAt);
    return { created: true, ...(await subjectFor(owner)) };
  },
});

/** One job with its transcript; null when there is no such job of the caller's. */
export const get = query({
  args: access,
  returns: v.union(jobView, v.null()),
  handler: async (ctx, { jobId, owners }) => {
    const row = await findOwn(ctx, jobId, owners);
    return row && (await toView(ctx, row));
  },
});

/** The caller's jobs without their transcripts, newest first. */
export const list = query({
  args: { owners: v.array(v.string()), limit: v.optional(v.number()) },
  returns: v.array(jobSummary),
  handler: async (ctx, { owners, limit = LONGEST_LIST }) => {
    const most = Math.max(1, Math.min(Math.floor(limit) || 1, LONGEST_LIST));
    const rows = await Promise.all(
      owners.map((owner) =>
        ctx.db
          .query("jobs")
          .withIndex("by_owner", (q) => q.eq("owner", owner))
          .order("desc")
          .take(most),
      ),
    );
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
  handler: async (ctx, { jobId, owners, run, unknownToApi = false }) => {
    const row = await findOwn(ctx, jobId, owners);
    if (!row) throw new ConvexError({ code: "job_not_found", message: "There is no such job of yours." });
    const current = versionOf(row);
    const isOtherRun = run !== undefined && run !== current.run;
    if (isOtherRun || isTerminal(current.status)) return { outcome: "ended" as const };
    const now = Date.now();
    if (unknownToApi) {
      const end = { status: "cancelled", presumed: true, completedAt: now, updatedAt: now } as const;
      await ctx.db.patch("jobs", row._id, { ...end, cancelRequestedAt: undefined, checkAt: undefined });
      return { outcome: "cancelled" as const };
    }
    if (row.cancelRequestedAt !== undefined) return { outcome: "requested" as const };
    const checkAt = nextCheck({ status: current.status, cancelRequestedAt: now, checks: 0 }, now)!;
    await ctx.db.patch("jobs", row._id, { cancelRequestedAt: now, checkAt, checks: 0 });
    await setAlarm(ctx, checkAt);
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
  handler: async (ctx, { jobId, owners }) => {
    const row = await findOwn(ctx, jobId, owners);
    if (!row) return false;
    await removeTranscript(ctx, jobId);
    await ctx.db.delete("jobs", row._id);
    if (row.owner !== undefined) await addRows(ctx, row.owner, -1);
    return true;
  },
});

/** An imported row that names neither an owner nor a user becomes the first caller's who knows its id. */
async function adopt(ctx: MutationCtx, row: Doc<"jobs">, owners: string[]) {
  if (row.owner !== undefined && owners.includes(row.owner))
    return { created: false, ...(await subjectFor(row.owner)) };
  const isFree = row.owner === undefined && row.userId === undefined;
  const [owner] = owners;
  if (!isFree || !owner) throw new ConvexError({ code: "forbidden", message: "This job has another owner." });
  await ctx.db.patch("jobs", row._id, { owner });
  await addRows(ctx, owner, 1);
  return { created: false, ...(await subjectFor(owner)) };
}

const subjectFor = async (owner: string): Promise<{ subject?: string }> =>
  env.ESCRIBA_API_URL && env.ESCRIBA_ACCESS_KEY ? { subject: await subjectOf(owner) } : {};

const invalid = (message: string) => new ConvexError({ code: "invalid_argument", message });

async function findOwn(ctx: QueryCtx, jobId: string, owners: string[]): Promise<Doc<"jobs"> | null> {
  const row = await findRow(ctx, jobId);
  return row?.owner !== undefined && owners.includes(row.owner) ? row : null;
}
