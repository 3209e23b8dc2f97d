/**
 * Keeps this browser's history and its person's rows in Convex alike, by a connection on which Convex pushes the list:
 * open while somebody looks or something is to be done, and closed where nobody does.
 */
import { signal } from "../app/signal";
import { deleted, transcriptions } from "../jobs/pageJobs";
import { onStoreNews } from "../store/recordings";
import { begin, onPersonChange, readRemovals } from "./person";
import { jobsWithoutRow, type Known, type Outcome } from "./round";
import type { ListedJob } from "./rows";
import { Session } from "./session";

export type State = "connecting" | Exclude<Outcome, "again">;

export const state = signal<State>("connecting");
/** What other devices have in progress. */
export const elsewhere = signal<readonly ListedJob[]>([]);

/** Milliseconds until what failed is tried on a new connection. */
const ANEW = 30_000;

export class Follower {
  readonly #known: Known = { since: begin(), created: new Set(), brought: new Map() };
  /** Jobs for which a row was asked. */
  readonly #noticed = new Set<string>();
  #session: Session | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly url: string) {}

  /** Returns how to stop. */
  start(): () => void {
    const adjust = () => this.#adjust();
    const kinds = [
      [document, "visibilitychange"],
      [globalThis, "online"],
      [globalThis, "offline"],
    ] as const;
    for (const [target, kind] of kinds) target.addEventListener(kind, adjust);
    const ends = [
      transcriptions.subscribe(() => this.#noticeJobs()),
      deleted.subscribe(() => this.ask()),
      onStoreNews(({ kind }) => kind === "list" && this.ask()),
      onPersonChange(() => this.ask()),
    ];
    this.#adjust();
    return () => {
      for (const [target, kind] of kinds) target.removeEventListener(kind, adjust);
      for (const end of ends) end();
      this.#close();
      elsewhere.set([]);
      state.set("connecting");
    };
  }

  /** Something has changed here. */
  ask(): void {
    this.#adjust();
    this.#session?.ask();
  }

  #noticeJobs(): void {
    const fresh = jobsWithoutRow(this.#known).filter(({ jobId }) => !this.#noticed.has(jobId));
    for (const { jobId } of fresh) this.#noticed.add(jobId);
    if (fresh.length > 0) this.ask();
  }

  #adjust(): void {
    if (!navigator.onLine) state.set("away");
    const isNeeded = !document.hidden || jobsWithoutRow(this.#known).length > 0 || readRemovals().length > 0;
    if (!navigator.onLine || !isNeeded) this.#close();
    else if (!this.#session) this.#open();
  }

  #open(): void {
    this.#session = new Session(this.url, this.#known, {
      elsewhere: (jobs) => elsewhere.set(jobs),
      outcome: (outcome) => this.#note(outcome),
    });
    this.#session.ask();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#session = null;
  }

  #note(outcome: Outcome): void {
    clearTimeout(this.#timer);
    state.set(outcome === "again" ? "live" : outcome);
    if (outcome === "away" || outcome === "again") this.#timer = setTimeout(() => this.#reopen(), ANEW);
    this.#adjust(); // nobody may look any more
  }

  /** A dead connection may look like one that is being made. */
  #reopen(): void {
    this.#close();
    this.#adjust();
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
