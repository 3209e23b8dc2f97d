/** What a person can do with one job: upload its audio, cancel it, run it again, remove it. */
import { ApiError } from "./apiError.js";
import type { EscribaClient } from "./client.js";
import type { ConvexRow } from "./convexRow.js";
import { isTerminal } from "./job.js";
import type { JobRecord } from "./jobRecord.js";
import { toProblem } from "./problem.js";
import { withRetries } from "./retry.js";
import { sentences } from "./sentences.js";
import type { UploadTask } from "./uploadTask.js";

type ActionContext = {
  client: EscribaClient;
  /** The language of the page, where the page says so. */
  language: () => string | undefined;
};

export class JobActions {
  constructor(
    private readonly record: JobRecord,
    private readonly row: ConvexRow,
    private readonly upload: UploadTask,
    private readonly refresh: () => Promise<void>,
    private readonly context: ActionContext,
  ) {}

  send(file: Blob): void {
    this.record.set({ problem: null });
    this.upload.start(file);
  }

  async cancel(): Promise<void> {
    const { jobId, run, status } = this.record.job;
    if (isTerminal(status)) return;
    this.record.set({ isCancelling: true, problem: null });
    this.row.cancel(run);
    await this.upload.abort();
    try {
      this.record.update((await withRetries(() => this.context.client.cancel(jobId))).job);
    } catch (error) {
      // A job that was never accepted has no audio at the API. Should the API have it after all, it lets it expire.
      if (isJobGone(error) || !this.record.stored.accepted) {
        this.row.cancel(run, { unknownToApi: true });
        this.record.presumeEnd("cancelled");
      } else {
        // Where the row exists, the deployment repeats the cancel at the API.
        this.record.set({ isCancelling: this.row.isShown });
        this.fail(error);
      }
    }
  }

  /** Uploads again what could not be uploaded, or starts the next run of a job that has ended. */
  async retry(): Promise<void> {
    this.record.set({ problem: null });
    if (this.record.wasNeverAccepted) this.record.restart();
    const { job, stored } = this.record;
    if (isTerminal(job.status)) await this.#runAgain();
    else if (this.upload.file && !stored.sent) this.send(this.upload.file);
    else if (stored.accepted) await this.refresh();
  }

  /** Deletes the job at the API and in Convex; false where one of them refused. */
  async remove(): Promise<boolean> {
    this.record.set({ problem: null });
    if (isTerminal(this.record.job.status)) await this.#deleteAtApi();
    else await this.cancel();
    if (this.record.fields.problem) return false;
    try {
      await this.row.remove();
      return true;
    } catch (error) {
      console.warn("Convex refused to remove the job's row.", error);
      const message = sentences(this.context.language()).notRemoved;
      this.record.set({ problem: { code: "not_removed", message, hint: null, retryable: true } });
      return false;
    }
  }

  fail(error: unknown): void {
    this.record.set({ problem: toProblem(error, this.context.language()) });
  }

  async #runAgain(): Promise<void> {
    try {
      const { job, upload } = await withRetries(() => this.context.client.retry(this.record.job.jobId));
      this.record.update(job);
      if (upload && this.upload.file) this.send(this.upload.file); // the API has deleted the audio
    } catch (error) {
      this.fail(error);
    }
  }

  async #deleteAtApi(): Promise<void> {
    try {
      await withRetries(() => this.context.client.cancel(this.record.job.jobId));
    } catch (error) {
      if (!isJobGone(error)) this.fail(error);
    }
  }
}

const isJobGone = (error: unknown): boolean => error instanceof ApiError && error.isJobGone;
