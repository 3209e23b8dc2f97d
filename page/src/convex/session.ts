/** One connection to Convex and its rounds: one after another, whenever something has changed. */
import { ownerTokens } from "./person";
import { type Known, type Outcome, Round } from "./round";
import { type ListedJob, Rows } from "./rows";

/** Milliseconds. Convex's client reconnects by itself: a short cut is not worth a word. */
const GRACE = 4_000;

export type News = {
  elsewhere(jobs: readonly ListedJob[]): void;
  /** After each round, and when the connection is lost. */
  outcome(outcome: Outcome): void;
};

export class Session {
  readonly #rows: Rows;
  readonly #round: Round;
  #isWanted = false;
  #isRunning = false;
  #isClosed = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    known: Known,
    private readonly news: News,
  ) {
    this.#rows = new Rows(url, ownerTokens, () => this.ask());
    this.#round = new Round(this.#rows, known, (jobs) => this.#isClosed || news.elsewhere(jobs));
    this.#rows.onConnection((isConnected) => this.#noteConnection(isConnected));
  }

  /** Runs a round now, or once more after the one that is running. */
  ask(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#runWhileWanted();
  }

  async #runWhileWanted(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      this.#rows.watch();
      const outcome = await this.#round.run();
      if (outcome) this.#report(outcome);
    }
    this.#isRunning = false;
  }

  #noteConnection(isConnected: boolean): void {
    if (!isConnected) {
      this.#grace ??= setTimeout(() => this.#report("away"), GRACE);
      return;
    }
    clearTimeout(this.#grace);
    this.#grace = undefined;
  }

  #report(outcome: Outcome): void {
    if (!this.#isClosed) this.news.outcome(outcome);
  }

  /** A round that waits for an answer ends there. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#grace);
    this.#rows.close();
  }
}
