/** The upload of one job's audio from this page: it waits for a slot, can be aborted, and can be started again. */
import { startHeartbeat } from "./uploadHeartbeat.js";
import type { UploadSlots } from "./uploadSlots.js";

export type UploadCallbacks = {
  /** Submits the job with the file. */
  submit(file: Blob, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<void>;
  onFailed(error: unknown): void;
  /** The time of the heartbeat; 0 when the upload has stopped. */
  onHeartbeat(sendingAt: number): void;
  onChange(): void;
};

type Upload = { fraction: number | null; controller: AbortController; done: Promise<void> };

export class UploadTask {
  file: Blob | null = null;
  #current: Upload | null = null;

  constructor(
    private readonly slots: UploadSlots,
    private readonly callbacks: UploadCallbacks,
  ) {}

  get isActive(): boolean {
    return this.#current !== null;
  }

  /** The fraction that has been sent; null while the upload waits for a slot, and when there is none. */
  get fraction(): number | null {
    return this.#current?.fraction ?? null;
  }

  start(file: Blob): void {
    void this.abort();
    this.file = file;
    const upload: Upload = { fraction: null, controller: new AbortController(), done: Promise.resolve() };
    this.#current = upload;
    upload.done = this.#run(file, upload)
      .catch((error: unknown) => {
        if (!upload.controller.signal.aborted) this.callbacks.onFailed(error);
      })
      .finally(() => this.#end(upload));
    this.callbacks.onChange();
  }

  /** Resolves when nothing more is sent. */
  async abort(): Promise<void> {
    this.#current?.controller.abort();
    await this.#current?.done;
  }

  async #run(file: Blob, upload: Upload): Promise<void> {
    const stopHeartbeat = startHeartbeat(this.callbacks.onHeartbeat);
    const { signal } = upload.controller;
    try {
      const slot = this.slots.acquire(signal);
      if (slot) await slot; // without an await the upload starts at once
      try {
        const onProgress = (fraction: number) => ((upload.fraction = fraction), this.callbacks.onChange());
        onProgress(0);
        await this.callbacks.submit(file, onProgress, signal);
      } finally {
        this.slots.release();
      }
    } finally {
      stopHeartbeat();
    }
  }

  #end(upload: Upload): void {
    if (this.#current !== upload) return; // another upload of the same job has started
    this.#current = null;
    this.callbacks.onHeartbeat(0);
  }
}
