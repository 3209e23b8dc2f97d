/** Makes a job's row equal to the API's snapshot, where the snapshot is newer than the row. */
import { type Infer, v } from "convex/values";
import { isNewer, isTerminal } from "../../job/jobVersion.js";
import type { Doc } from "../_generated/dataModel.js";
import type { MutationCtx } from "../_generated/server.js";
import { type Transcript, jobChunks, jobError, jobStatus } from "../schema.js";
import { setAlarm } from "./alarm.js";
import { nextCheck } from "./checkTime.js";
import { versionOf } from "./jobView.js";
import { findRow } from "./row.js";
import { subjectOf } from "./subject.js";
import { replaceTranscript } from "./transcript.js";

const nullableNumber = v.union(v.number(), v.null());

export const outcome = v.union(
  v.object({
    ok: v.literal(true),
    outcome: v.union(v.literal("applied"), v.literal("duplicate"), v.literal("stale")),
    status: jobStatus,
    seq: v.number(),
  }),
  v.object({ ok: v.literal(false), code: v.union(v.literal("job_not_found"), v.literal("user_mismatch")) }),
);
export type Outcome = Infer<typeof outcome>;

const versioned = v.object({
  run: v.number(),
  seq: v.number(),
  status: jobStatus,
  stage: v.union(v.string(), v.null()),
  progress: v.number(),
  chunks: v.union(jobChunks, v.null()),
  waitingUntil: nullableNumber,
  error: v.union(jobError, v.null()),
  createdAt: nullableNumber,
  startedAt: nullableNumber,
  completedAt: nullableNumber,
});

/** A snapshot without its transcript, as `job/snapshot.ts` reads it. */
export const snapshotFields = v.object({
  jobId: v.string(),
  userId: v.optional(v.string()),
  ...versioned.fields,
});
export type SnapshotFields = Infer<typeof snapshotFields>;

/** A snapshot holds the whole job, so it does not matter which earlier messages were lost or came twice. */
export async function writeSnapshot(
  ctx: MutationCtx,
  { jobId, userId, ...fields }: SnapshotFields,
  transcript: Transcript,
): Promise<Outcome> {
  const row = await findRow(ctx, jobId);
  if (!row) return { ok: false, code: "job_not_found" };
  if (userId && !(await isUserOf(row, userId))) return { ok: false, code: "user_mismatch" };
  const current = versionOf(row);
  if (!isNewer(fields, current)) {
    const outcome = fields.run === current.run && fields.seq === current.seq ? "duplicate" : "stale";
    return { ok: true, outcome, status: current.status, seq: current.seq };
  }
  // The API deletes a transcript after its retention; the owner's copy stays until the owner removes it.
  const hasTranscript = transcript.resultJson !== undefined || transcript.resultStorageId !== undefined;
  const keepsTranscript = !hasTranscript && fields.status === "completed" && fields.run === current.run;
  if (!keepsTranscript) await replaceTranscript(ctx, jobId, transcript);
  const patch = patchOf(row, fields, Date.now());
  await ctx.db.patch("jobs", row._id, patch);
  if (patch.checkAt !== undefined) await setAlarm(ctx, patch.checkAt);
  return { ok: true, outcome: "applied", status: fields.status, seq: fields.seq };
}

/** The API names the user as the page did, or, where the page has a token, as the token does. */
const isUserOf = async ({ userId: label, owner }: Doc<"jobs">, userId: string): Promise<boolean> =>
  !label || userId === label || (owner !== undefined && userId === (await subjectOf(owner)));

/** The row's new fields; a patch removes the fields that are `undefined`. */
function patchOf(row: Doc<"jobs">, fields: Infer<typeof versioned>, now: number) {
  const isRunOver = isTerminal(fields.status) || fields.run > row.run;
  const cancelRequestedAt = isRunOver ? undefined : row.cancelRequestedAt;
  const { status, waitingUntil } = fields;
  return {
    ...fields,
    stage: fields.stage ?? undefined,
    chunks: fields.chunks ?? undefined,
    waitingUntil: waitingUntil ?? undefined,
    error: fields.error ?? undefined,
    createdAt: fields.createdAt ?? row.createdAt,
    startedAt: fields.startedAt ?? undefined,
    completedAt: fields.completedAt ?? undefined,
    cancelRequestedAt,
    presumed: undefined,
    updatedAt: now,
    checks: 0,
    checkAt: nextCheck({ status, waitingUntil, checks: 0, ...(cancelRequestedAt ? { cancelRequestedAt } : {}) }, now),
  };
}
