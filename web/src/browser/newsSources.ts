/** Where a page gets a job's news besides its row in Convex: from the live socket, and by polling the API. */
import { type Status, isTerminal } from "./job.js";

/** What decides which sources a job needs. */
export type SourceConditions = {
  /** The page shows the job. */
  isWatched: boolean;
  status: Status;
  /** The API knows the job. */
  isAccepted: boolean;
  /** The API has all of the audio. */
  isSent: boolean;
  /** The page has no transcript yet, and there may be one. */
  lacksResult: boolean;
  wantsLiveText: boolean;
  isOffline: boolean;
  /** Convex is reachable and shows this job's row to the page. */
  isPushed: boolean;
  /** The page watches the row, and Convex has not answered yet. */
  isRowAwaited: boolean;
};

export type Sources = {
  socket: boolean;
  polling: boolean;
  /** Requests the job from the API when its row in Convex is late. */
  rowTimer: boolean;
};

export function chooseSources(job: SourceConditions): Sources {
  const isRunning = job.isWatched && job.isAccepted && !isTerminal(job.status);
  const lacksResult = job.isWatched && job.status === "completed" && job.lacksResult;
  return {
    socket: isRunning && job.isSent && job.wantsLiveText && !job.isRowAwaited, // the row may say that the job has ended
    polling: (isRunning || lacksResult) && !job.isPushed && !job.isOffline && !job.isRowAwaited,
    rowTimer: lacksResult && job.isPushed,
  };
}

/** How long after the API has completed a job its row in Convex may take to follow: milliseconds. */
const ROW_DELAY = 5_000;

export class NewsSources {
  #closeSocket: (() => void) | null = null;
  #pollTimer: ReturnType<typeof setInterval> | undefined;
  #rowTimer: ReturnType<typeof setTimeout> | undefined;
  #expectsRow = false;
  #request: Promise<void> | null = null;

  /** @param openSocket returns how to close it; @param requestJob asks the API once, and never rejects */
  constructor(
    private readonly openSocket: () => () => void,
    private readonly requestJob: () => Promise<void>,
    private readonly pollMs: number,
  ) {}

  get isPolling(): boolean {
    return this.#pollTimer !== undefined;
  }

  /** Opens the sources that are needed now, and closes the others. */
  use({ socket, polling, rowTimer }: Sources): void {
    if (socket) this.#closeSocket ??= this.openSocket();
    else this.#stopSocket();
    if (polling) this.#startPolling();
    else this.#stopPolling();
    this.#expectsRow = rowTimer;
    if (rowTimer) this.#startRowTimer();
    else this.#stopRowTimer();
  }

  /** Requests the job now. An open request may bring an answer from before this call, so another one follows it. */
  async refresh(): Promise<void> {
    await this.#request;
    await this.#send();
  }

  /** One request at a time, however long the API takes to answer. */
  #send(): Promise<void> {
    return (this.#request ??= this.requestJob().finally(() => {
      this.#request = null;
    }));
  }

  #stopSocket(): void {
    this.#closeSocket?.();
    this.#closeSocket = null;
  }

  #startPolling(): void {
    if (this.#pollTimer) return;
    this.#pollTimer = setInterval(() => void this.#send(), this.pollMs);
    void this.#send();
  }

  #stopPolling(): void {
    clearInterval(this.#pollTimer);
    this.#pollTimer = undefined;
  }

  #startRowTimer(): void {
    this.#rowTimer ??= setTimeout(() => void this.#replaceRow(), ROW_DELAY);
  }

  async #replaceRow(): Promise<void> {
    await this.refresh();
    this.#stopRowTimer();
    if (this.#expectsRow) this.#startRowTimer();
  }

  #stopRowTimer(): void {
    clearTimeout(this.#rowTimer);
    this.#rowTimer = undefined;
  }
}
