/** Where a job's news are got from, besides its row in Convex: the live socket, and asking the API. */
import { type Status, isTerminal } from "./job.js";

/** How things stand with one job. */
export type Standing = {
  /** Somebody looks at it. */
  watched: boolean;
  status: Status;
  /** The API knows of it. */
  accepted: boolean;
  /** All of its audio is there. */
  sent: boolean;
  /** There is a transcript to be had that is not here yet. */
  lacksResult: boolean;
  liveText: boolean;
  offline: boolean;
  /** Convex is there and shows us this job's row. */
  told: boolean;
  /** The page was opened a moment ago, and Convex has not had the time to answer. */
  awaitsRow: boolean;
};

export type Needs = {
  /** The live socket. */
  listens: boolean;
  /** Asking the API now and then. */
  polls: boolean;
  /** Asking the API once the row has not followed for a while. */
  lags: boolean;
};

export function needs(job: Standing): Needs {
  const running = job.watched && job.accepted && !isTerminal(job.status);
  const lacksResult = job.watched && job.status === "completed" && job.lacksResult;
  return {
    listens: running && job.sent && job.liveText && !job.awaitsRow, // it may have ended long ago
    polls: (running || lacksResult) && !job.told && !job.offline && !job.awaitsRow,
    lags: lacksResult && job.told,
  };
}

/** The API has said that it completed: its row in Convex follows within a moment, or else we ask. */
const ROW_LAGS = 5_000;

export class NewsSources {
  #hangUp: (() => void) | null = null;
  #poll: ReturnType<typeof setInterval> | undefined;
  #lag: ReturnType<typeof setTimeout> | undefined;
  #lags = false;
  #request: Promise<void> | null = null;

  /** @param listen returns how to stop */
  constructor(
    private readonly listen: () => () => void,
    private readonly ask: () => Promise<void>,
    private readonly pollMs: number,
  ) {}

  get isPolling(): boolean {
    return this.#poll !== undefined;
  }

  /** Opens and closes what is needed. */
  apply({ listens, polls, lags }: Needs): void {
    if (listens) this.#hangUp ??= this.listen();
    else this.#stopListening();
    if (polls) this.#startPolling();
    else this.#stopPolling();
    this.#lags = lags;
    if (lags) this.#awaitRow();
    else this.#endLag();
  }

  /** Asks the API now. A request that is on its way may bring an answer from before: then another follows it. */
  async refresh(): Promise<void> {
    await this.#request;
    await this.#send();
  }

  /** One request at a time, however long the API takes. */
  #send(): Promise<void> {
    return (this.#request ??= this.ask().finally(() => {
      this.#request = null;
    }));
  }

  #stopListening(): void {
    this.#hangUp?.();
    this.#hangUp = null;
  }

  #startPolling(): void {
    if (this.#poll) return;
    this.#poll = setInterval(() => void this.#send(), this.pollMs);
    void this.#send();
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #awaitRow(): void {
    this.#lag ??= setTimeout(() => void this.#askForRow(), ROW_LAGS);
  }

  async #askForRow(): Promise<void> {
    await this.refresh();
    this.#endLag();
    if (this.#lags) this.#awaitRow();
  }

  #endLag(): void {
    clearTimeout(this.#lag);
    this.#lag = undefined;
  }
}
