/** Counts the seconds that are recorded, without the pauses. Pure: the time is passed in, in milliseconds. */

export class Stopwatch {
  #before = 0;
  #since: number | null = null;

  start(now: number): void {
    this.#since ??= now;
  }

  stop(now: number): void {
    this.#before = this.seconds(now) * 1_000;
    this.#since = null;
  }

  seconds(now: number): number {
    return (this.#before + (this.#since === null ? 0 : now - this.#since)) / 1_000;
  }
}
