/** The audio of one job on its way from this page: in its turn, with what other tabs are told of it. */
import type { UploadSlots } from "./uploadSlots.js";

const BEAT = 5_000;
/** A page that has not said for this long that it is sending is gone. */
export const SILENT_AFTER = 3 * BEAT;

/** Whether a page that said at `sendingAt` that it sends still does, for all that can be known. */
export const mayBeSending = (sendingAt: number): boolean => sendingAt > Date.now() - SILENT_AFTER;

export type Way = {
  /** Brings the file to the service. */
  bring(file: Blob, onSent: (fraction: number) => void, signal: AbortSignal): Promise<void>;
  onFailed(error: unknown): void;
  /** Tells other tabs, and this page after a reload, that it is sending; 0 when it has stopped. */
  say(sendingAt: number): void;
  changed(): void;
};

type Current = { uploaded: number | null; controller: AbortController; done: Promise<void> };

export class UploadTask {
  file: Blob | null = null;
  #current: Current | null = null;
  #recheck: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly turns: UploadSlots,
    private readonly way: Way,
  ) {}

  get isOn(): boolean {
    return this.#current !== null;
  }

  /** The fraction that has been sent; null while it waits for its turn, and when nothing is sent. */
  get uploaded(): number | null {
    return this.#current?.uploaded ?? null;
  }

  start(file: Blob): void {
    void this.abort();
    this.file = file;
    const current: Current = { uploaded: null, controller: new AbortController(), done: Promise.resolve() };
    this.#current = current;
    current.done = this.#inTurn(file, current)
      .catch((error: unknown) => {
        if (!current.controller.signal.aborted) this.way.onFailed(error);
      })
      .finally(() => this.#end(current));
    this.way.changed();
  }

  /** Resolves when nothing more is sent. */
  async abort(): Promise<void> {
    this.#current?.controller.abort();
    await this.#current?.done;
  }

  /** A page that crashed while it sent does not say so, it only falls silent: then `changed` is called. */
  awaitSilence(sendingAt: number): void {
    this.awaitNothing();
    this.#recheck = setTimeout(() => this.way.changed(), sendingAt + SILENT_AFTER - Date.now());
  }

  awaitNothing(): void {
    clearTimeout(this.#recheck);
  }

  async #inTurn(file: Blob, current: Current): Promise<void> {
    const stopSaying = sayNowAndThen(this.way.say);
    const { signal } = current.controller;
    try {
      const turn = this.turns.take(signal);
      if (turn) await turn; // at once where it can be
      try {
        const onSent = (fraction: number) => ((current.uploaded = fraction), this.way.changed());
        onSent(0);
        await this.way.bring(file, onSent, signal);
      } finally {
        this.turns.leave();
      }
    } finally {
      stopSaying();
    }
  }

  #end(current: Current): void {
    if (this.#current !== current) return; // it is being sent again
    this.#current = null;
    this.way.say(0);
  }
}

function sayNowAndThen(say: (sendingAt: number) => void): () => void {
  const stillHere = () => say(Date.now());
  const leaving = () => say(0);
  stillHere();
  const timer = setInterval(stillHere, BEAT);
  if (typeof addEventListener !== "undefined") addEventListener("pagehide", leaving);
  return () => {
    clearInterval(timer);
    if (typeof removeEventListener !== "undefined") removeEventListener("pagehide", leaving);
  };
}
