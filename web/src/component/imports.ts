/**
 * Rows from an app's own table, as `client/importJobs.ts` sends them. Each step may run twice: a row that is here already
 * takes only what is newer, and the place where the import is, is written when everything before it is here.
 */
import { type Infer, v } from "convex/values";
import { NO_SEQ } from "../job/jobVersion.js";
import { internal } from "./_generated/api.js";
import {
  type MutationCtx,
  type QueryCtx,
  action,
  internalMutation,
  internalQuery,
  mutation,
  query,
} from "./_generated/server.js";
import { setAlarm } from "./model/alarm.js";
import { addRows } from "./model/allowance.js";
import { nextCheck } from "./model/checkTime.js";
import { findRow } from "./model/row.js";
import { type SnapshotFields, snapshotFields, writeSnapshot } from "./model/snapshotWriter.js";
import { readTranscript, replaceTranscript } from "./model/transcript.js";

const importedJob = v.object({
  snapshot: snapshotFields,
  owner: v.optional(v.string()),
  filename: v.optional(v.string()),
  cancelRequestedAt: v.optional(v.number()),
  presumed: v.optional(v.boolean()),
  /** A transcript that fits into a document; larger ones come through `takeTranscript`. */
  resultJson: v.optional(v.string()),
});
type ImportedJob = Infer<typeof importedJob>;

const progress = v.object({
  /** Where the next page of the app's table begins; null at its start. */
  cursor: v.union(v.string(), v.null()),
  isDone: v.boolean(),
  imported: v.number(),
  known: v.number(),
});

const NOT_BEGUN = { cursor: null, isDone: false, imported: 0, known: 0 };

/** How far an import has come. */
export const state = query({
  args: { source: v.string() },
  returns: progress,
  handler: async (ctx, { source }) => {
    const found = await find(ctx, source);
    if (!found) return NOT_BEGUN;
    const { cursor, isDone, imported, known } = found;
    return { cursor, isDone, imported, known };
  },
});

/** Takes some rows. Returns how many of them are new. */
export const take = mutation({
  args: { jobs: v.array(importedJob) },
  returns: v.number(),
  handler: async (ctx, { jobs }) => {
    let imported = 0;
    for (const job of jobs) if (await takeJob(ctx, job)) imported += 1;
    return imported;
  },
});

/** Notes that everything before `cursor` is here. */
export const advance = mutation({
  args: { source: v.string(), ...progress.fields },
  returns: v.null(),
  handler: async (ctx, place) => {
    const found = await find(ctx, place.source);
    if (found) await ctx.db.replace("imports", found._id, place);
    else await ctx.db.insert("imports", place);
    return null;
  },
});

/** Takes a transcript that is too large for a document, where its job has none yet. */
export const takeTranscript = action({
  args: { jobId: v.string(), resultJson: v.string() },
  returns: v.null(),
  handler: async (ctx, { jobId, resultJson }) => {
    if (!(await ctx.runQuery(internal.imports.lacksTranscript, { jobId }))) return null;
    const resultStorageId = await ctx.storage.store(new Blob([resultJson], { type: "application/json" }));
    const isKept = await ctx.runMutation(internal.imports.keepTranscript, { jobId, resultStorageId });
    if (!isKept) await ctx.storage.delete(resultStorageId);
    return null;
  },
});

export const lacksTranscript = internalQuery({
  args: { jobId: v.string() },
  returns: v.boolean(),
  handler: (ctx, { jobId }) => isLacking(ctx, jobId),
});

export const keepTranscript = internalMutation({
  args: { jobId: v.string(), resultStorageId: v.id("_storage") },
  returns: v.boolean(),
  handler: async (ctx, { jobId, resultStorageId }) => {
    if (!(await isLacking(ctx, jobId))) return false;
    await replaceTranscript(ctx, jobId, { resultStorageId });
    return true;
  },
});

async function takeJob(ctx: MutationCtx, { snapshot, resultJson, ...rest }: ImportedJob): Promise<boolean> {
  const transcript = resultJson === undefined ? {} : { resultJson };
  if (await findRow(ctx, snapshot.jobId)) {
    if (snapshot.seq !== NO_SEQ) await writeSnapshot(ctx, snapshot, transcript);
    return false;
  }
  const now = Date.now();
  const checkAt = nextCheck({ ...snapshot, checks: 0 }, now);
  await ctx.db.insert("jobs", { ...toRow(snapshot, now), ...rest, checks: 0, ...(checkAt ? { checkAt } : {}) });
  await replaceTranscript(ctx, snapshot.jobId, transcript);
  if (rest.owner !== undefined) await addRows(ctx, rest.owner, 1);
  if (checkAt !== undefined) await setAlarm(ctx, checkAt);
  return true;
}

const toRow = (
  { stage, chunks, waitingUntil, error, startedAt, completedAt, ...fields }: SnapshotFields,
  now: number,
) => ({
  ...fields,
  createdAt: fields.createdAt ?? now,
  updatedAt: now,
  ...(stage === null ? {} : { stage }),
  ...(chunks === null ? {} : { chunks }),
  ...(waitingUntil === null ? {} : { waitingUntil }),
  ...(error === null ? {} : { error }),
  ...(startedAt === null ? {} : { startedAt }),
  ...(completedAt === null ? {} : { completedAt }),
});

async function isLacking(ctx: QueryCtx, jobId: string): Promise<boolean> {
  if (!(await findRow(ctx, jobId))) return false;
  const { resultJson, resultUrl } = await readTranscript(ctx, jobId);
  return resultJson === null && resultUrl === null;
}

const find = (ctx: QueryCtx, source: string) =>
  ctx.db
    .query("imports")
    .withIndex("by_source", (q) => q.eq("source", source))
    .unique();
