/** One job's row in Convex, as far as a page has to do with it. */
import type { ConvexLink } from "./convexLink.js";
import type { ConvexJob } from "./job.js";
import type { JobStorage } from "./jobStorage.js";
import { pause } from "./retry.js";

export type Place = { link: ConvexLink | null; kept: JobStorage; userId: string | undefined; graceMs: number };

export class Row {
  /** Convex has this row and shows it to us. */
  isShown = false;
  #isAsked = false;
  /** Convex has answered, be it that there is no row. */
  #isAnswered = false;
  #unwatch: (() => void) | null = null;

  constructor(
    private readonly jobId: string,
    private readonly place: Place,
    private readonly onRow: (row: ConvexJob | null | undefined, wasShown: boolean) => void,
  ) {}

  /** It is watched, and Convex has not answered yet. */
  get isAwaited(): boolean {
    return this.#unwatch !== null && !this.#isAnswered;
  }

  watch(): void {
    this.#unwatch ??= this.place.link?.watch(this.#access, (row) => this.#hear(row)) ?? null;
  }

  unwatch(): void {
    this.#unwatch?.();
    this.#unwatch = null;
  }

  /**
   * Made before the API hears of the job; but an absent Convex does not hold up the work.
   * `onMade` tells of a row that was not there before, however late.
   */
  async make(filename: string | null, onMade: () => void): Promise<void> {
    const { link, userId, graceMs } = this.place;
    if (!link || this.#isAsked) return;
    this.#isAsked = true;
    const labels = { ...(userId ? { userId } : {}), ...(filename ? { filename } : {}) };
    const made = link.create({ ...this.#access, ...labels }).then(
      ({ created }) => void (created && onMade()),
      (error: unknown) => console.warn("The job has no row in Convex; the API is asked instead.", error),
    );
    await Promise.race([made, pause(graceMs)]);
  }

  /** There may be no row; the API decides anyway. */
  cancel(run: number, more: { unknownToApi?: boolean } = {}): void {
    void this.place.link?.cancel({ ...this.#access, run, ...more }).catch(() => {});
  }

  /** Rejects when Convex refuses. If it is away, its client removes the row when it is back. */
  async remove(): Promise<void> {
    const { link, graceMs } = this.place;
    const removed = link?.remove(this.#access).catch((error: unknown) => {
      if (this.isShown) throw error; // else there is no row, as far as anybody knows
    });
    await Promise.race([removed, pause(graceMs)]);
  }

  get #access() {
    return { jobId: this.jobId, ownerToken: this.place.kept.ownerToken };
  }

  #hear(row: ConvexJob | null | undefined): void {
    const wasShown = this.isShown;
    this.#isAnswered = true;
    this.isShown = Boolean(row);
    this.onRow(row, wasShown);
  }
}
