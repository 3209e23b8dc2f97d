/** How many uploads run at once: the others wait in the order in which they came. */
export class UploadSlots {
  #queue: Array<() => void> = [];

  constructor(private free: number) {}

  /**
   * Null where a slot is free now; else a promise that resolves when one is, or rejects when the signal is aborted.
   * The caller gives each slot back with `release`.
   */
  acquire(signal: AbortSignal): Promise<void> | null {
    if (this.free > 0) {
      this.free -= 1;
      return null;
    }
    return new Promise((resolve, reject) => {
      const enter = () => (signal.removeEventListener("abort", abort), resolve());
      const abort = () => {
        this.#queue = this.#queue.filter((other) => other !== enter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.push(enter);
    });
  }

  release(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.free += 1;
  }
}
