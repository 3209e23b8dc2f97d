/** What a card says of a job: one phase, and only numbers that were counted. Pure. */
import type { Transcription } from "../../../web/src/browser/transcription";
import { waitsForNetwork } from "../queue/network";

export type Phase =
  | "waitsForNetwork"
  | "waitsToBeSent"
  | "sending"
  | "preparing"
  | "needsFile"
  | "queued"
  | "fetching"
  | "prepare"
  | "hearing"
  | "voices"
  | "merging"
  | "waiting"
  | "cancelling"
  | "cancelled"
  | "failed"
  | "completed";

/** `isOffline`: as the browser says, where it says anything. */
export function phaseOf(job: Transcription, isOffline = globalThis.navigator?.onLine === false): Phase {
  if (waitsForNetwork(job, isOffline)) return "waitsForNetwork";
  if (job.cancelling) return "cancelling";
  switch (job.status) {
    case "pending":
      return pendingPhase(job);
    case "queued":
      return job.stage === "download" ? "fetching" : "queued";
    case "processing":
      return processingPhase(job.stage);
    default:
      return job.status;
  }
}

/** One that the server has refused does not go on by itself: it must not look as if it did. */
function pendingPhase({ needsFile, waitsToBeSent, uploaded, problem, canRetry }: Transcription): Phase {
  if (needsFile) return "needsFile";
  if (waitsToBeSent) return "waitsToBeSent";
  if (uploaded === null && (problem || canRetry)) return "failed";
  return uploaded !== null && uploaded < 1 ? "sending" : "preparing";
}

function processingPhase(stage: string | null): Phase {
  if (stage === "download") return "fetching";
  if (stage === "speakers") return "voices";
  if (stage === "merge") return "merging";
  return stage === "transcribe" ? "hearing" : "prepare";
}

/** How much is done, 0 to 1, of what is counted in this phase; null where nothing is. */
export function fractionOf(job: Transcription, duration: number | null): number | null {
  const phase = phaseOf(job);
  if (phase === "sending") return job.uploaded ?? 0;
  if (phase !== "hearing" && phase !== "waiting") return null;
  if (duration && job.heardSeconds !== null) return Math.min(1, job.heardSeconds / duration);
  return job.chunks?.total ? job.chunks.done / job.chunks.total : null;
}

/** Seconds: a screen reader says no more often how much was heard. */
const LEAST_STEP = 300;

/** How much was heard, in rare steps: quarters of the recording, or five minutes where those are shorter. */
export function heardAloud(heard: number | null, duration: number | null): number {
  if (heard === null || !duration) return 0;
  const step = Math.max(LEAST_STEP, duration / 4);
  return step * Math.min(Math.floor(heard / step), Math.ceil(duration / step) - 1);
}

// Before so much was heard, a guess would be none.
const LEAST_SECONDS = 8;
const LEAST_FRACTION = 0.04;

/** Seconds that it may take yet, from and to, by its pace so far; null while nobody can know. */
export function remaining(fraction: number | null, elapsed: number): { low: number; high: number } | null {
  if (fraction === null || fraction < LEAST_FRACTION || fraction >= 1 || elapsed < LEAST_SECONDS) return null;
  const expected = (elapsed * (1 - fraction)) / fraction;
  return { low: expected * 0.75, high: expected * 1.5 + 5 };
}
