/**
 * When to ask the API about a job without news. Pure. The pauses grow, so that a job about which there is never any
 * news costs some calls a day, and not one every few minutes for ever.
 */
import { type Status, isTerminal } from "../../job/jobVersion.js";

// Milliseconds.
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** After so long without news the API is asked for the first time. */
const QUIET = 5 * MINUTE;
/** A cancel that the page could not deliver is more urgent. */
const UNCONFIRMED_CANCEL = MINUTE;
/** A job that waits continues by itself where the API is awake, so the request comes a little later. */
const AFTER_WAIT = 15 * SECOND;
const LONGEST = 6 * 60 * MINUTE;

export type CheckConditions = {
  status: Status;
  waitingUntil?: number | null;
  cancelRequestedAt?: number;
  /** How often the API has been asked since the last news. */
  checks: number;
};

/** The time of the next request, or undefined for a job that has ended. `now` is the time of the last news or request. */
export function nextCheck(job: CheckConditions, now: number): number | undefined {
  if (isTerminal(job.status)) return undefined;
  const growth = 2 ** job.checks;
  if (job.cancelRequestedAt !== undefined) return now + Math.min(UNCONFIRMED_CANCEL * growth, LONGEST);
  const quiet = now + Math.min(QUIET * growth, LONGEST);
  // The API may sleep until somebody calls it: this request wakes it at the time that it gave.
  if (job.status === "waiting" && job.waitingUntil && job.checks === 0)
    return Math.min(Math.max(job.waitingUntil, now) + AFTER_WAIT, now + LONGEST);
  return quiet;
}
