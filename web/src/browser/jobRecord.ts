/** What this page knows of one job: its newest version, its text, and what the browser stores of it. No requests. */
import {
  type ConvexJob,
  type Job,
  type JobError,
  NO_SEQ,
  type Transcript,
  initialJob,
  isTerminal,
  mergeJob,
} from "./job.js";
import type { JobStorage, StoredJob } from "./jobStorage.js";
import { LiveText } from "./liveText.js";
import type { Problem } from "./problem.js";

type Fields = {
  result: Transcript | null;
  /** The job's `seq` with which `result` came: a person may correct it later. */
  resultSeq: number;
  /** The job is completed, and its transcript has been deleted. */
  isResultGone: boolean;
  problem: Problem | null;
  /** This page has asked the API to cancel the job, and the API has not confirmed it yet. */
  isCancelling: boolean;
};

export class JobRecord {
  readonly liveText = new LiveText();
  #job: Job;
  #stored: StoredJob;
  #fields: Fields = { result: null, resultSeq: NO_SEQ, isResultGone: false, problem: null, isCancelling: false };
  /** The job is submitted again after a presumed end. Its row holds that end until the API sends a snapshot. */
  #isRestarted = false;
  #isForgotten = false;

  constructor(
    stored: StoredJob,
    private readonly storage: JobStorage,
    private readonly onChange: () => void,
  ) {
    this.#stored = stored;
    this.#job = { ...initialJob(stored.jobId), createdAt: stored.createdAt };
  }

  get job(): Job {
    return this.#job;
  }

  get stored(): StoredJob {
    return this.#stored;
  }

  get fields(): Readonly<Fields> {
    return this.#fields;
  }

  /** The job has ended, but only because the API has never accepted it. */
  get wasNeverAccepted(): boolean {
    return isTerminal(this.#job.status) && this.#job.presumed === true && !this.#stored.accepted;
  }

  set(change: Partial<Fields>): void {
    this.#fields = { ...this.#fields, ...change };
    this.onChange();
  }

  store(change: Partial<StoredJob>): void {
    this.#stored = { ...this.#stored, ...change };
    if (!this.#isForgotten) this.storage.put(this.#stored);
    this.onChange();
  }

  /** Takes what another tab has stored. */
  replaceStored(stored: StoredJob): void {
    this.#stored = stored;
    this.onChange();
  }

  /** From now on nothing more of this job is stored. */
  forget(): void {
    this.#isForgotten = true;
  }

  /** Takes a version of the job from any source, where it is newer. */
  update(incoming: Job): void {
    const before = this.#job;
    const { run, status } = (this.#job = mergeJob(before, incoming));
    const isNextRun = run > before.run;
    this.#fields = {
      result: isNextRun ? null : this.#fields.result,
      resultSeq: isNextRun ? NO_SEQ : this.#fields.resultSeq,
      isResultGone: isNextRun ? false : this.#fields.isResultGone,
      problem: isNextRun || status !== before.status ? null : this.#fields.problem, // the job went on in spite of it
      isCancelling: isNextRun || isTerminal(status) ? false : this.#fields.isCancelling,
    };
    const change = this.#storedChange(isNextRun);
    if (Object.keys(change).length > 0) this.store(change);
    else this.onChange();
  }

  /** Ends a job that the API does not have. A later version from the API supersedes this end. */
  presumeEnd(status: "failed" | "cancelled", error: JobError | null = null): void {
    this.update({ ...this.#job, status, presumed: true, error, completedAt: Date.now() });
  }

  /** Makes the job as if nothing had been sent. */
  restart(): void {
    this.#isRestarted = true;
    this.#job = { ...initialJob(this.#stored.jobId), createdAt: this.#stored.createdAt };
    this.onChange();
  }

  /** Whether the row still holds the end from before `restart`. */
  isOutdated(row: ConvexJob): boolean {
    return this.#isRestarted && row.seq === NO_SEQ;
  }

  /** What the newest version says about the fields that the browser stores. */
  #storedChange(isNextRun: boolean): Partial<StoredJob> {
    const { status, seq } = this.#job;
    const { accepted, sent, ended } = this.#stored;
    const hasEnded = isTerminal(status);
    const isKnownToApi = seq !== NO_SEQ;
    return {
      ...(hasEnded === ended ? {} : { ended: hasEnded }),
      ...(isKnownToApi && !accepted ? { accepted: true } : {}),
      // The API has the audio, whichever page uploaded it.
      ...(isKnownToApi && status !== "pending" && !sent ? { sent: true } : {}),
      // The API has deleted the audio of the earlier run.
      ...(isNextRun && status === "pending" ? { sent: false } : {}),
    };
  }
}
