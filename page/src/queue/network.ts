/** Which recordings wait for the network, and when they are tried again. Pure. */
import type { Transcription } from "../../../web/src/browser/transcription";

/** Failures without an answer of the service: the network is away, or a proxy answers in its place. */
const WITHOUT_ANSWER = /^(unreachable|timeout|unreadable|upload_failed|http_5\d\d)$/;

type Sending = Pick<Transcription, "status" | "problem" | "uploaded" | "needsFile" | "cancelling">;

/** What the service refused in its own words is no such failure: the person decides. */
export const hasLostNetwork = ({ problem }: Pick<Transcription, "problem">): boolean =>
  problem !== null && problem.retryable && WITHOUT_ANSWER.test(problem.code);

/** `isOffline` is the browser's own opinion, and a hint only: it counts while nothing has been sent. */
export function waitsForNetwork(job: Sending, isOffline: boolean): boolean {
  if (job.status !== "pending" || job.needsFile || job.cancelling) return false;
  return hasLostNetwork(job) || (isOffline && !job.uploaded && !job.problem);
}

// Milliseconds.
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;

export const pauseBefore = (attempt: number): number => Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE);
