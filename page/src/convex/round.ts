/** One round: does what differs between this browser's history and its person's rows in Convex. */
import { isTerminal } from "../../../web/src/job/jobVersion";
import { deleted, transcriptions } from "../jobs/pageJobs";
import { listRecordings } from "../store/recordings";
import { endRemoval, readRemovals } from "./person";
import { type Plan, planOf } from "./plan";
import { type ListedJob, refusalOf, type RowList, type Rows } from "./rows";
import { Texts } from "./texts";

/** What is known for as long as the page is open, over all connections. */
export type Known = {
  since: number;
  /** Jobs that have their row. */
  created: Set<string>;
  /** The version of each text that was asked for. */
  brought: Map<string, number>;
};

/**
 * `refused`: the app lets no browser in that has not signed in. `full`: it takes no more rows of this person. `again`: it
 * takes more in a while.
 */
export type Outcome = "live" | "away" | "refused" | "full" | "again";

/** Each job gets its row early: the API sends its news there, and waits for the row only for a while. */
export const jobsWithoutRow = ({ created }: Known) =>
  transcriptions.state.jobs.filter(({ jobId, status }) => !isTerminal(status) && !created.has(jobId));

export class Round {
  readonly #texts: Texts;

  /** @param onElsewhere gets what other devices have in progress */
  constructor(
    private readonly rows: Rows,
    private readonly known: Known,
    private readonly onElsewhere: (jobs: readonly ListedJob[]) => void,
  ) {
    this.#texts = new Texts(rows, known.brought);
  }

  /** Null while Convex has not sent the list: a round follows when it comes. */
  async run(): Promise<Outcome | null> {
    try {
      await this.#remove();
      const refusal = await this.#createRows(jobsWithoutRow(this.known));
      const list = this.rows.list();
      const later = list && (await this.#bring(list));
      return refusal ?? later ?? (list && "live");
    } catch (error) {
      return refusalOf(error) ? "refused" : "away";
    }
  }

  async #remove(): Promise<void> {
    for (const jobId of readRemovals()) {
      await this.rows.remove(jobId);
      endRemoval(jobId);
    }
  }

  async #createRows(jobs: readonly { jobId: string; filename: string | null }[]): Promise<Outcome | null> {
    for (const { jobId, filename } of jobs) {
      const refusal = await this.#create(jobId, filename);
      if (refusal) return refusal;
    }
    return null;
  }

  async #create(jobId: string, filename: string | null): Promise<Outcome | null> {
    try {
      await this.rows.create(jobId, filename);
    } catch (error) {
      const code = refusalOf(error);
      if (code === "rate_limited") return "again";
      if (code === "too_many_jobs") return "full";
      if (code === "not_signed_in") return "refused";
      if (code !== "forbidden") throw error; // else it is another's: there is nothing to create
    }
    this.known.created.add(jobId);
    return null;
  }

  async #compare(list: RowList): Promise<Plan> {
    const { since, brought } = this.known;
    return planOf({
      ...list,
      here: await listRecordings(),
      own: new Set(transcriptions.state.jobs.map(({ jobId }) => jobId)),
      deleted: new Set([...deleted.value, ...readRemovals()]),
      ...{ brought, since, now: Date.now() },
    });
  }

  async #bring(list: RowList): Promise<Outcome | null> {
    const { bring, renew, create, check, elsewhere } = await this.#compare(list);
    this.onElsewhere(elsewhere);
    for (const row of bring) await this.#texts.bring(row);
    for (const row of renew) await this.#texts.renew(row);
    for (const row of check) await this.#texts.check(row);
    for (const row of create) {
      const refusal = await this.#create(row.jobId, row.filename);
      if (refusal) return refusal;
      await this.#texts.list(row);
    }
    return null;
  }
}
