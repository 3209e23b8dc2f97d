/**
 * Keeps this browser's history and its person's rows in Convex alike: asks for the list again and again, often while
 * something happens, seldom at rest, and never where nobody looks.
 */
import { signal } from "../app/signal";
import { deleted, transcriptions } from "../jobs/pageJobs";
import { listRecordings } from "../store/recordings";
import { begin, endRemoval, ownerTokens, readRemovals } from "./person";
import { type Plan, planOf } from "./plan";
import { type ListedJob, refusalOf, Rows } from "./rows";
import { Texts } from "./texts";

/** `refused`: the app lets no browser in that has not signed in. `full`: it takes no more rows of this person. */
export type State = "connecting" | "live" | "away" | "refused" | "full";

export const state = signal<State>("connecting");
/** What other devices have in progress. */
export const elsewhere = signal<readonly ListedJob[]>([]);

// Milliseconds.
const OFTEN = 4_000;
const SELDOM = 20_000;
/** After a change, another one is likely. */
const LIVELY = 120_000;

const isActive = ({ status }: { status: string }) => !["completed", "failed", "cancelled"].includes(status);

export class Follower {
  readonly #rows: Rows;
  readonly #texts: Texts;
  readonly #created = new Set<string>();
  /** Jobs that were asked for at once; what failed waits for its turn. */
  readonly #noticed = new Set<string>();
  #isStopped = false;
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> | null = null;
  #isWanted = false;
  #seen = "";
  #changedAt = Date.now();

  constructor(url: string) {
    this.#rows = new Rows(url, ownerTokens);
    this.#texts = new Texts(this.#rows);
  }

  /** Returns how to stop. */
  start(): () => void {
    this.#since = begin();
    const look = () => document.hidden || this.ask();
    const stopJobs = transcriptions.subscribe(() => this.#noticeJobs());
    const kinds = [
      [document, "visibilitychange"],
      [globalThis, "focus"],
      [globalThis, "online"],
    ] as const;
    for (const [target, kind] of kinds) target.addEventListener(kind, look);
    this.ask();
    return () => {
      stopJobs();
      for (const [target, kind] of kinds) target.removeEventListener(kind, look);
      clearTimeout(this.#timer);
      this.#isStopped = true;
    };
  }

  #noticeJobs(): void {
    const fresh = this.#jobsWithoutRow().filter(({ jobId }) => !this.#noticed.has(jobId));
    for (const { jobId } of fresh) this.#noticed.add(jobId);
    if (fresh.length > 0) this.ask();
  }

  /** Asks now, or once more after the round that is running. */
  ask(): void {
    clearTimeout(this.#timer);
    this.#isWanted = true;
    this.#round ??= this.#askWhileWanted();
  }

  async #askWhileWanted(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      state.set(await this.#once());
    }
    this.#round = null;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    if (document.hidden && this.#jobsWithoutRow().length === 0) return; // `look` goes on
    const isLively =
      elsewhere.value.length > 0 || transcriptions.state.jobs.some(isActive) || Date.now() - this.#changedAt < LIVELY;
    this.#timer = setTimeout(() => this.ask(), isLively ? OFTEN : SELDOM);
  }

  async #once(): Promise<State> {
    try {
      await this.#remove();
      const refusal = await this.#createRows();
      const later = await this.#bring();
      return refusal ?? later ?? "live";
    } catch (error) {
      return refusalOf(error) ? "refused" : "away";
    }
  }

  /** Each job gets its row early: the API sends its news there, and waits for the row only for a while. */
  async #createRows(): Promise<State | null> {
    for (const { jobId, filename } of this.#jobsWithoutRow()) {
      const refusal = await this.#create(jobId, filename);
      if (refusal) return refusal;
    }
    return null;
  }

  async #create(jobId: string, filename: string | null): Promise<State | null> {
    try {
      await this.#rows.create(jobId, filename);
    } catch (error) {
      const code = refusalOf(error);
      if (code === "rate_limited") return "live"; // the next round goes on
      if (code === "too_many_jobs") return "full";
      if (code === "not_signed_in") return "refused";
      if (code !== "forbidden") throw error; // else it is another's: there is nothing to create
    }
    this.#created.add(jobId);
    return null;
  }

  #jobsWithoutRow() {
    return transcriptions.state.jobs.filter((job) => isActive(job) && !this.#created.has(job.jobId));
  }

  async #remove(): Promise<void> {
    for (const jobId of readRemovals()) {
      await this.#rows.remove(jobId);
      endRemoval(jobId);
    }
  }

  async #compare(): Promise<Plan> {
    const [list, here] = await Promise.all([this.#rows.list(), listRecordings()]);
    this.#note(list.rows);
    return planOf({
      ...list,
      here,
      own: new Set(transcriptions.state.jobs.map(({ jobId }) => jobId)),
      deleted: new Set([...deleted.value, ...readRemovals()]),
      brought: this.#texts.brought,
      ...{ since: this.#since, now: Date.now() },
    });
  }

  async #bring(): Promise<State | null> {
    const { bring, renew, create, check, elsewhere: jobs } = await this.#compare();
    elsewhere.set(jobs);
    for (const row of bring) await this.#texts.bring(row);
    for (const row of renew) await this.#texts.renew(row);
    for (const row of check) await this.#texts.check(row);
    for (const row of create) {
      const refusal = await this.#create(row.jobId, row.filename);
      if (refusal) return refusal;
      await this.#texts.list(row);
    }
    return null;
  }

  #note(rows: readonly ListedJob[]): void {
    const seen = rows.map(({ jobId, seq, progress }) => `${jobId} ${seq} ${progress}`).join();
    if (seen !== this.#seen) this.#changedAt = Date.now();
    this.#seen = seen;
  }
}

let follower: Follower | null = null;

/** Returns how to stop. */
export function follow(url: string): () => void {
  follower = new Follower(url);
  return follower.start();
}

/** After a change of whose rows these are. */
export const askNow = (): void => follower?.ask();
