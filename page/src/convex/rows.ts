/** The rows of this person in the Convex app that the server names: functions that `exposeApi` of `web/` gives to pages. */
import { ConvexHttpClient } from "convex/browser";
import type { FunctionReference } from "convex/server";
import type { JobFunctions } from "../../../web/src/browser/convexLink";
import type { ConvexJob, Job } from "../../../web/src/browser/job";

/** A row without its transcript. */
export type ListedJob = Job & { filename: string | null; createdAt: number; updatedAt: number };

type List = FunctionReference<"query", "public", { ownerToken: string; limit: number }, ListedJob[]>;

/** The app's `api.jobs`, by their names: a reference of Convex's own would add 2.5 kB. */
const jobs = {
  list: "jobs:list" as unknown as List,
  get: "jobs:get" as unknown as JobFunctions["get"],
  create: "jobs:create" as unknown as JobFunctions["create"],
  remove: "jobs:remove" as unknown as JobFunctions["remove"],
};

/** As many as the app's function gives out. */
const MOST = 100;
const LONGEST_NAME = 1_000;
/** Milliseconds. */
const TIMEOUT = 20_000;

/** `isWhole`: there are no others. */
export type RowList = { rows: ListedJob[]; isWhole: boolean };

export class Rows {
  readonly #client: ConvexHttpClient;

  /** @param owners the secrets under which rows are this person's; new ones get the first */
  constructor(
    url: string,
    private readonly owners: () => readonly string[],
  ) {
    const send: typeof fetch = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT) });
    this.#client = new ConvexHttpClient(url, { skipConvexDeploymentUrlCheck: true, logger: false, fetch: send });
  }

  async list(): Promise<RowList> {
    const lists = await Promise.all(
      this.owners().map((ownerToken) => this.#client.query(jobs.list, { ownerToken, limit: MOST })),
    );
    return { rows: lists.flat(), isWhole: lists.every(({ length }) => length < MOST) };
  }

  /** With its transcript; null where there is no such row of this person's. */
  async read(jobId: string): Promise<(ConvexJob & { filename?: string | null }) | null> {
    for (const ownerToken of this.owners()) {
      const row = await this.#client.query(jobs.get, { jobId, ownerToken });
      if (row) return row;
    }
    return null;
  }

  /** A second call changes nothing. */
  async create(jobId: string, filename: string | null): Promise<void> {
    const name = filename?.slice(0, LONGEST_NAME).replace(/[\ud800-\udbff]$/, "");
    const [ownerToken] = this.owners();
    await this.#client.mutation(jobs.create, { jobId, ownerToken, ...(name ? { filename: name } : {}) });
  }

  async remove(jobId: string): Promise<void> {
    for (const ownerToken of this.owners()) await this.#client.mutation(jobs.remove, { jobId, ownerToken });
  }
}

/** The code of what the app refuses; null where it did not answer. */
export const refusalOf = (error: unknown): string | null => {
  const { data } = error as { data?: { code?: unknown } };
  return typeof data?.code === "string" ? data.code : null;
};
