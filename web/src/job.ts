/** A job as this library holds it, from whichever side the news came; and what may replace it. */
import { NO_SEQ, type Position, type Status, isNewer, isTerminal } from "../convex/model/jobVersion.js";
import { type JobError, parseJobView } from "../convex/model/snapshot.js";

export { type JobError, type Status, isTerminal };

export type Chunks = { done: number; total: number | null };

/** The transcript as the API writes it; which of the optional parts there are depends on what was asked. */
export type Transcript = {
  text: string;
  language?: string;
  duration?: number;
  segments?: Array<{ start: number; end: number; text: string }>;
  words?: Array<{ word: string; start: number; end: number }>;
};

export type Job = Position & {
  jobId: string;
  stage: string | null;
  /** 0 to 100. */
  progress: number;
  chunks: Chunks | null;
  /** When a job that waits for quota goes on: epoch milliseconds. */
  waitingUntil: number | null;
  error: JobError | null;
  cancelRequested: boolean;
  createdAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
};

/** What the `get` function of your Convex deployment answers (see `convex/model/view.ts`). */
export type ConvexJob = Job & { resultJson: string | null; resultUrl: string | null };

/** Reads the JSON of `GET /job/{id}` and of the live events; throws `InvalidSnapshot`. */
export function fromApi(body: unknown): { job: Job; result: Transcript | null } {
  const { result, userId: _, ...job } = parseJobView(body);
  return { job: { ...job, cancelRequested: false }, result: result as Transcript | null };
}

export function fromConvex({ resultJson: _, resultUrl: __, ...row }: ConvexJob): Job {
  return row;
}

/** A job nothing has been heard of yet. */
export const unheard = (jobId: string): Job => ({
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
 * The later of two accounts, whichever way each came: nothing that was shown is ever taken back.
 * Within one run progress does not fall either, and a wish to cancel, of which only Convex knows, lasts.
 */
export function newest(current: Job, news: Job): Job {
  if (isNewer(news, current)) {
    if (news.run !== current.run) return news;
    const cancelRequested = (current.cancelRequested || news.cancelRequested) && !isTerminal(news.status);
    return { ...news, progress: Math.max(news.progress, current.progress), cancelRequested };
  }
  const asked = news.run === current.run && news.cancelRequested && !isTerminal(current.status);
  return asked && !current.cancelRequested ? { ...current, cancelRequested: true } : current;
}
