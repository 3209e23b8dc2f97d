/** The row of a job, found by its id. */
import type { Doc } from "../_generated/dataModel.js";
import type { QueryCtx } from "../_generated/server.js";

export const findRow = (ctx: QueryCtx, jobId: string): Promise<Doc<"jobs"> | null> =>
  ctx.db
    .query("jobs")
    .withIndex("by_jobId", (q) => q.eq("jobId", jobId))
    .unique();
