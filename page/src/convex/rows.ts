/**
 * The rows of this person in the Convex app that the server names, on one connection: Convex pushes the list when it
 * changes. It calls functions that `exposeApi` of `web/` gives to pages.
 */
import { BaseConvexClient } from "convex/browser";
import type { ConvexJob, Job } from "../../../web/src/browser/job";

/** A row without its transcript. */
export type ListedJob = Job & { filename: string | null; createdAt: number; updatedAt: number };

/** `isWhole`: there are no others. */
export type RowList = { rows: ListedJob[]; isWhole: boolean };

type Row = ConvexJob & { filename?: string | null };

/** The app's `api.jobs`, by their names: a reference of Convex's own would add 2.5 kB. */
const [LIST, GET, CREATE, REMOVE] = ["jobs:list", "jobs:get", "jobs:create", "jobs:remove"] as const;

/** As many as the app's function gives out. */
const MOST = 100;
const LONGEST_NAME = 1_000;

export class Rows {
  readonly #client: BaseConvexClient;
  /** What is subscribed to, by its owner. */
  readonly #lists = new Map<string, { queryToken: string; unsubscribe: () => void }>();

  /**
   * @param owners the secrets under which rows are this person's; new ones get the first
   * @param onList is called when Convex has pushed a list
   */
  constructor(
    url: string,
    private readonly owners: () => readonly string[],
    onList: () => void,
  ) {
    const onTransition = (changed: readonly string[]) => {
      if ([...this.#lists.values()].some(({ queryToken }) => changed.includes(queryToken))) onList();
    };
    const options = { skipConvexDeploymentUrlCheck: true, logger: false, unsavedChangesWarning: false } as const;
    this.#client = new BaseConvexClient(url, onTransition, options);
  }

  /** Subscribes to the lists of the owners, also after a change of them. */
  watch(): void {
    const owners = this.owners();
    for (const [owner, { unsubscribe }] of this.#lists) {
      if (owners.includes(owner)) continue;
      unsubscribe();
      this.#lists.delete(owner);
    }
    for (const owner of owners)
      if (!this.#lists.has(owner)) this.#lists.set(owner, this.#client.subscribe(LIST, listOf(owner)));
  }

  /** What Convex has pushed last; null where a list has not come yet. Throws what Convex refuses. */
  list(): RowList | null {
    const lists = [...this.#lists.keys()].map((owner) => this.#client.localQueryResult(LIST, listOf(owner)));
    if (lists.includes(undefined)) return null;
    const known = lists as unknown as ListedJob[][];
    return { rows: known.flat(), isWhole: known.every(({ length }) => length < MOST) };
  }

  /** With its transcript; null where there is no such row of this person's. */
  async read(jobId: string): Promise<Row | null> {
    for (const ownerToken of this.owners()) {
      const row = await this.#readOnce(jobId, ownerToken);
      if (row) return row;
    }
    return null;
  }

  #readOnce(jobId: string, ownerToken: string): Promise<Row | null> {
    const args = { jobId, ownerToken };
    const { unsubscribe } = this.#client.subscribe(GET, args);
    let stop = () => {};
    const answer = new Promise<Row | null>((resolve, reject) => {
      stop = this.#client.addOnTransitionHandler(() => {
        try {
          const row = this.#client.localQueryResult(GET, args);
          if (row !== undefined) resolve(row as unknown as Row | null);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    return answer.finally(() => {
      stop();
      unsubscribe();
    });
  }

  /** A second call changes nothing. */
  async create(jobId: string, filename: string | null): Promise<void> {
    const name = filename?.slice(0, LONGEST_NAME).replace(/[\ud800-\udbff]$/, "");
    await this.#client.mutation(CREATE, { jobId, ownerToken: this.owners()[0]!, ...(name ? { filename: name } : {}) });
  }

  async remove(jobId: string): Promise<void> {
    for (const ownerToken of this.owners()) await this.#client.mutation(REMOVE, { jobId, ownerToken });
  }

  /** Calls back now and at each change. */
  onConnection(callback: (isConnected: boolean) => void): void {
    const report = () => callback(this.#client.connectionState().isWebSocketConnected);
    this.#client.subscribeToConnectionState(report);
    report();
  }

  /** What has not been answered is never answered. */
  close(): void {
    void this.#client.close();
  }
}

const listOf = (ownerToken: string) => ({ ownerToken, limit: MOST });

/** The code of what the app refuses; null where it did not answer. */
export const refusalOf = (error: unknown): string | null => {
  const { data } = error as { data?: { code?: unknown } };
  return typeof data?.code === "string" ? data.code : null;
};
