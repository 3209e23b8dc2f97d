/** What the app passes on from the API: a snapshot of a job, with its transcript where there is one. */
import { v } from "convex/values";
import { action, internalMutation, mutation } from "./_generated/server.js";
import { applyWithFile } from "./model/applySnapshot.js";
import { outcome, snapshotFields, writeSnapshot } from "./model/snapshotWriter.js";
import { isFileInUse } from "./model/transcript.js";

/** For a transcript that fits into a document: see `LARGEST_INLINE_RESULT`. */
export const apply = mutation({
  args: { snapshot: snapshotFields, resultJson: v.optional(v.string()) },
  returns: outcome,
  handler: (ctx, { snapshot, resultJson }) =>
    writeSnapshot(ctx, snapshot, resultJson === undefined ? {} : { resultJson }),
});

/** For a transcript that is too large for a document. */
export const applyLarge = action({
  args: { snapshot: snapshotFields, resultJson: v.string() },
  returns: outcome,
  handler: (ctx, { snapshot, resultJson }) => applyWithFile(ctx, snapshot, resultJson),
});

export const applyFile = internalMutation({
  args: { snapshot: snapshotFields, resultStorageId: v.id("_storage") },
  returns: outcome,
  handler: (ctx, { snapshot, resultStorageId }) => writeSnapshot(ctx, snapshot, { resultStorageId }),
});

/** Deletes the file of a snapshot that was not applied. A row that names the file keeps it: then only the answer was lost. */
export const discardFile = internalMutation({
  args: { jobId: v.string(), resultStorageId: v.id("_storage") },
  returns: v.null(),
  handler: async (ctx, { jobId, resultStorageId }) => {
    if (!(await isFileInUse(ctx, jobId, resultStorageId))) await ctx.storage.delete(resultStorageId);
    return null;
  },
});
