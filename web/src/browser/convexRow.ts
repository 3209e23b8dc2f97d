/** One job's row in Convex: the page creates it, watches it, and asks to cancel or remove it. */
import type { ConvexLink, Created } from "./convexLink.js";
import type { ConvexJob } from "./job.js";
import type { JobStorage } from "./jobStorage.js";
import { sleep } from "./retry.js";

export type RowContext = { link: ConvexLink | null; storage: JobStorage; userId: string | undefined; graceMs: number };

export type RowEvents = {
  /** `row` is null where there is none, and undefined where the query failed. */
  onRow(row: ConvexJob | null | undefined, wasShown: boolean): void;
  /** `create` has created a row that did not exist before, however late. */
  onCreated(): void;
  /** The user as whose the API must get the job, where it asks for access keys. */
  onSubject(subject: string): void;
};

type NewRow = Parameters<ConvexLink["create"]>[0];

/** Comes back later where the deployment says that too many rows were created in this minute. */
async function createWhenAllowed(link: ConvexLink, row: NewRow): Promise<Created> {
  for (;;) {
    try {
      return await link.create(row);
    } catch (error) {
      const { code, retryAfter } = (error as { data?: { code?: unknown; retryAfter?: unknown } }).data ?? {};
      if (code !== "rate_limited") throw error;
      await sleep((Number(retryAfter) || 1) * 1000);
    }
  }
}

export class ConvexRow {
  /** Convex has this row and shows it to this page. */
  isShown = false;
  #isCreateSent = false;
  /** Convex has answered the query, perhaps that there is no row. */
  #isAnswered = false;
  #unwatch: (() => void) | null = null;

  constructor(
    private readonly jobId: string,
    private readonly context: RowContext,
    private readonly events: RowEvents,
  ) {}

  /** The page watches the row, and Convex has not answered yet. */
  get isAwaited(): boolean {
    return this.#unwatch !== null && !this.#isAnswered;
  }

  watch(): void {
    this.#unwatch ??= this.context.link?.watch(this.#access, (row) => this.#receive(row)) ?? null;
  }

  unwatch(): void {
    this.#unwatch?.();
    this.#unwatch = null;
  }

  /** Resolves when the row exists, or after the grace period: an absent Convex does not delay the job. */
  async create(filename: string | null): Promise<void> {
    const { link, userId, graceMs } = this.context;
    if (!link || this.#isCreateSent) return;
    this.#isCreateSent = true;
    const labels = { ...(userId ? { userId } : {}), ...(filename ? { filename } : {}) };
    const created = createWhenAllowed(link, { ...this.#access, ...labels }).then(
      ({ created, subject }) => {
        if (subject !== undefined) this.events.onSubject(subject);
        if (created) this.events.onCreated();
      },
      (error: unknown) => console.warn("The job has no row in Convex; the page polls the API instead.", error),
    );
    await Promise.race([created, sleep(graceMs)]);
  }

  /** Fails silently: there may be no row, and the API decides anyway. */
  cancel(run: number, more: { unknownToApi?: boolean } = {}): void {
    void this.context.link?.cancel({ ...this.#access, run, ...more }).catch(() => {});
  }

  /** Rejects when Convex refuses. While Convex is away, its client keeps the call and sends it later. */
  async remove(): Promise<void> {
    const { link, graceMs } = this.context;
    const removed = link?.remove(this.#access).catch((error: unknown) => {
      if (this.isShown) throw error; // otherwise this page knows of no row
    });
    await Promise.race([removed, sleep(graceMs)]);
  }

  get #access() {
    return { jobId: this.jobId, ownerToken: this.context.storage.ownerToken };
  }

  #receive(row: ConvexJob | null | undefined): void {
    const wasShown = this.isShown;
    this.#isAnswered = true;
    this.isShown = Boolean(row);
    this.events.onRow(row, wasShown);
  }
}
