/**
 * The statuses of a job, and which of two versions of one job is the newer. Pure: the Convex functions decide with
 * it what a row becomes, and the page decides with it what it shows, so the two can never disagree.
 */

export const STATUSES = [
  "pending", // accepted; its audio has not come yet
  "queued",
  "processing",
  "waiting", // for quota; returns to processing by itself
  "completed",
  "failed",
  "cancelled",
] as const;

export type Status = (typeof STATUSES)[number];

const RANK: Record<Status, number> = {
  pending: 0,
  queued: 1,
  processing: 2,
  waiting: 2,
  completed: 3,
  failed: 3,
  cancelled: 3,
};

export const isTerminal = (status: Status): boolean => RANK[status] === 3;

export type JobVersion = {
  status: Status;
  /** How many times the user requested this job: 1, and one more for each retry. */
  run: number;
  /** The API's count of the job's changes; `NO_SEQ` before the API has sent a snapshot. */
  seq: number;
  /** True when we concluded `status` ourselves (the API no longer knows the job) and the API did not send it. */
  presumed?: boolean;
};

export const NO_SEQ = -1;

/**
 * Whether `next` comes after `current`. A receiver that keeps the newer of the two, message by message, ends in the
 * same state for every order and any repetition of the messages.
 *
 * - A later run supersedes whatever the earlier one ended in.
 * - Within a run a job only moves forward, and its first end is final.
 * - Otherwise the higher `seq` is the newer. (`processing` and `waiting` alternate.)
 * - A version from the API supersedes one without `seq`. A presumed version follows the version that it was drawn
 *   from. A later version from the API, and any end that the API sends, supersedes the presumed one.
 */
export function isNewer(next: JobVersion, current: JobVersion): boolean {
  if (next.run !== current.run) return next.run > current.run;
  if ((next.seq === NO_SEQ) !== (current.seq === NO_SEQ)) return current.seq === NO_SEQ;
  if (next.presumed && !current.presumed) return !isTerminal(current.status) && next.seq >= current.seq;
  if (current.presumed && !next.presumed) return isTerminal(next.status) || next.seq > current.seq;
  const steps = RANK[next.status] - RANK[current.status];
  if (steps !== 0) return steps > 0;
  if (isTerminal(next.status) && next.status !== current.status) return next.seq < current.seq;
  return next.seq > current.seq;
}
