/** So many at a time, first come, first served. */
export class UploadSlots {
  #waiting: Array<() => void> = [];

  constructor(private places: number) {}

  /** Null where there is a place at once; else a promise of one, which the signal ends. Each place is given back with `leave`. */
  take(signal: AbortSignal): Promise<void> | null {
    if (this.places > 0) {
      this.places -= 1;
      return null;
    }
    return new Promise((resolve, reject) => {
      const enter = () => (signal.removeEventListener("abort", abort), resolve());
      const abort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== enter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(enter);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.places += 1;
  }
}
