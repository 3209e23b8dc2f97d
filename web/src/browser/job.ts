/** A job as this library holds it, whichever source it comes from, and how a newer version of it is merged in. */
import { type JobVersion, NO_SEQ, type Status, isNewer, isTerminal } from "../job/jobVersion.js";
import { type JobError, parseJobView } from "../job/snapshot.js";

export { type JobError, NO_SEQ, type Status, isTerminal };

export type Chunks = { done: number; total: number | null };

/** The transcript as the API writes it. The options of the job decide which optional fields it has. */
export type Transcript = {
  text: string;
  /** That of most of the text. */
  language?: string;
  /** All that are spoken, that of most of the text first. */
  languages?: string[];
  duration?: number;
  segments?: Array<{ start: number; end: number; text: string; language?: string; speaker?: string }>;
  /** Everybody's name by label, where anybody speaks, perhaps without a word. */
  speakers?: Record<string, string>;
  /** What each speaker says until another one does. */
  utterances?: Array<{ speaker: string | null; start: number; end: number; text: string }>;
  /** Who speaks when, also where the engine found no words. */
  turns?: Array<{ speaker: string; start: number; end: number }>;
  words?: Array<{ word: string; start: number; end: number }>;
};

export type Job = JobVersion & {
  jobId: string;
  stage: string | null;
  /** 0 to 100. */
  progress: number;
  chunks: Chunks | null;
  /** When a job that waits for quota continues: epoch milliseconds. */
  waitingUntil: number | null;
  error: JobError | null;
  cancelRequested: boolean;
  createdAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
};

/** What the `get` function of your Convex deployment answers (see `component/model/jobView.ts`). */
export type ConvexJob = Job & { resultJson: string | null; resultUrl: string | null };

/** Reads the JSON of `GET /job/{id}` and of the live events; throws `InvalidSnapshot`. */
export function fromApi(body: unknown): { job: Job; result: Transcript | null } {
  const { result, userId: _, ...job } = parseJobView(body);
  return { job: { ...job, cancelRequested: false }, result: result as Transcript | null };
}

export function fromConvex({ resultJson: _, resultUrl: __, ...row }: ConvexJob): Job {
  return row;
}

/** A job before its first snapshot. */
export const initialJob = (jobId: string): Job => ({
  jobId,
  status: "pending",
  run: 1,
  seq: NO_SEQ,
  stage: null,
  progress: 0,
  chunks: null,
  waitingUntil: null,
  error: null,
  cancelRequested: false,
  createdAt: null,
  startedAt: null,
  completedAt: null,
});

/**
 * The newer of two versions, whichever source each came from. Within one run progress does not fall, and
 * `cancelRequested`, which only Convex knows, stays set until the job has ended.
 */
export function mergeJob(current: Job, incoming: Job): Job {
  if (isNewer(incoming, current)) {
    if (incoming.run !== current.run) return incoming;
    const cancelRequested = (current.cancelRequested || incoming.cancelRequested) && !isTerminal(incoming.status);
    return { ...incoming, progress: Math.max(incoming.progress, current.progress), cancelRequested };
  }
  const isCancelRequested = incoming.run === current.run && incoming.cancelRequested && !isTerminal(current.status);
  return isCancelRequested && !current.cancelRequested ? { ...current, cancelRequested: true } : current;
}
