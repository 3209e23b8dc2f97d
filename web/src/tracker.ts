/** One job, followed from the file a person chose to its transcript, whatever is away meanwhile. */
import { NO_SEQ } from "../convex/model/jobVersion.js";
import { ApiError, type EscribaClient, type NewJob } from "./client.js";
import { readTranscript } from "./convexLink.js";
import { deliver } from "./submit.js";
import { NewsSources, needs } from "./newsSources.js";
import { type ConvexJob, type Job, type Transcript, fromConvex, isTerminal, newest, unheard } from "./job.js";
import type { StoredJob } from "./jobStorage.js";
import { type LiveEvents, listen } from "./liveSocket.js";
import { LiveText } from "./liveText.js";
import { withRetries } from "./retry.js";
import type { ConvexConnection } from "./convexConnection.js";
import { type Place, Row } from "./convexRow.js";
import { sentences } from "./sentences.js";
import { UploadTask, mayBeSending } from "./uploadTask.js";
import { type Problem, type Transcription, asProblem, neverCame, present } from "./transcription.js";
import type { UploadSlots } from "./uploadSlots.js";

export type TrackerContext = Place & {
  client: EscribaClient;
  reach: ConvexConnection;
  turns: UploadSlots;
  pollMs: number;
  liveText: boolean;
  /** What the person reads, where the page says so. */
  language: () => string | undefined;
  changed: () => void;
};

export class Tracker {
  #job: Job;
  #kept: StoredJob;
  #result: Transcript | null = null;
  #resultIsGone = false;
  #liveText = new LiveText();
  #problem: Problem | null = null;
  #cancelling = false;
  /** It is sent again after its end was only presumed; the row says that end until the API has spoken. */
  #anew = false;
  #watched = false;
  #forgotten = false;
  #view: Transcription | null = null;

  readonly #row: Row;
  readonly #sending: UploadTask;
  readonly #following: NewsSources;

  constructor(
    kept: StoredJob,
    private readonly around: TrackerContext,
  ) {
    this.#kept = kept;
    this.#job = { ...unheard(kept.jobId), createdAt: kept.createdAt };
    this.#row = new Row(kept.jobId, around, (row, wasShown) => this.#onRow(row, wasShown));
    this.#sending = new UploadTask(around.turns, {
      bring: (file, onSent, signal) => this.#bring(file, onSent, signal),
      onFailed: (error) => this.#onFailed(error),
      say: (sendingAt) => this.#keep({ sendingAt }),
      changed: () => this.#changed(),
    });
    const socketUrl = () => this.#kept.websocketUrl ?? around.client.websocketUrl(this.jobId);
    this.#following = new NewsSources(
      () => listen(this.jobId, socketUrl(), this.#events),
      () => this.#ask(),
      around.pollMs,
    );
  }

  get jobId(): string {
    return this.#kept.jobId;
  }

  /** By this browser's clock, whatever the API's says. */
  get begunAt(): number {
    return this.#kept.createdAt;
  }

  get isSending(): boolean {
    return this.#sending.isOn;
  }

  get view(): Transcription {
    return (this.#view ??= present({
      job: this.#job,
      kept: this.#kept,
      result: this.#result,
      resultIsGone: this.#resultIsGone,
      liveText: this.#liveText.of(this.#job.run),
      problem: this.#problem,
      cancelling: this.#cancelling,
      sending: this.#sending,
      isSentElsewhere: this.#isSentElsewhere,
    }));
  }

  /** Begins to follow the job, or goes on. */
  start(): void {
    this.#watched = true;
    this.#row.watch();
    this.adjust();
  }

  /** Stops following it; what is being sent goes on. */
  stop(): void {
    this.#watched = false;
    this.#row.unwatch();
    this.adjust();
  }

  /** It is no longer wanted here: what is still going on for it leaves nothing behind. */
  forget(): void {
    this.#forgotten = true;
    this.stop();
  }

  /** Opens and closes what is needed as things stand now. */
  adjust(): void {
    const { reach, liveText } = this.around;
    const { status } = this.#job;
    const { accepted, sent, sendingAt } = this.#kept;
    this.#following.apply(
      needs({
        ...{ watched: this.#watched, status, accepted, sent, liveText },
        lacksResult: !this.#result && !this.#resultIsGone,
        offline: reach.connection === "offline",
        told: reach.convexAnswers && this.#row.isShown,
        awaitsRow: reach.convexAnswers && this.#row.isAwaited,
      }),
    );
    if (this.#watched && this.#isSentElsewhere) this.#sending.awaitSilence(sendingAt);
    else this.#sending.awaitNothing();
  }

  /** Another tab has written. */
  rekeep(kept: StoredJob): void {
    if (this.#sending.isOn) return;
    this.#kept = kept;
    this.#changed();
  }

  send(file: Blob): void {
    this.#problem = null;
    this.#sending.start(file);
  }

  async cancel(): Promise<void> {
    if (isTerminal(this.#job.status)) return;
    const { run } = this.#job;
    this.#cancelling = true;
    this.#problem = null;
    this.#changed();
    this.#row.cancel(run);
    await this.#sending.abort();
    try {
      this.#hear((await withRetries(() => this.around.client.cancel(this.jobId))).job);
    } catch (error) {
      // A job that was never accepted has no audio there either: if the API has it after all, it lets it expire.
      if (isGone(error) || !this.#kept.accepted) {
        this.#row.cancel(run, { unknownToApi: true });
        this.#hear({ ...this.#job, status: "cancelled", presumed: true, completedAt: Date.now() });
      } else {
        // With a row in Convex the request is not lost: the deployment delivers it.
        this.#cancelling = this.#row.isShown;
        this.#fail(error);
      }
    }
  }

  async retry(): Promise<void> {
    this.#problem = null;
    if (neverCame(this.#job, this.#kept)) this.#beginAnew();
    this.#changed();
    if (isTerminal(this.#job.status)) await this.#runAgain();
    else if (this.#sending.file && !this.#kept.sent) this.send(this.#sending.file);
    else if (this.#kept.accepted) await this.#following.refresh();
  }

  /** Has both the API and Convex forget the job. False where one of them did not. */
  async erase(): Promise<boolean> {
    this.#problem = null;
    if (!isTerminal(this.#job.status)) await this.cancel();
    else
      await withRetries(() => this.around.client.cancel(this.jobId)).catch((error: unknown) => {
        if (!isGone(error)) this.#fail(error);
      });
    if (this.#problem) return false;
    return await this.#row.remove().then(
      () => true,
      (error: unknown) => {
        console.warn("The job's row could not be removed from Convex.", error);
        const message = sentences(this.around.language()).notRemoved;
        this.#show({ code: "not_removed", message, hint: null, retryable: true });
        return false;
      },
    );
  }

  #beginAnew(): void {
    this.#anew = true;
    this.#job = { ...unheard(this.jobId), createdAt: this.#kept.createdAt };
  }

  async #runAgain(): Promise<void> {
    try {
      const { job, upload } = await withRetries(() => this.around.client.retry(this.jobId));
      this.#hear(job);
      if (upload && this.#sending.file) this.send(this.#sending.file); // its audio is no longer kept there
    } catch (error) {
      this.#fail(error);
    }
  }

  async #bring(file: Blob, onSent: (fraction: number) => void, signal: AbortSignal): Promise<void> {
    const { client, userId } = this.around;
    const { jobId, filename, sizeBytes, options } = this.#kept;
    const job: NewJob = { ...options, jobId };
    if (userId) job.userId = userId;
    if (filename) job.filename = filename;
    if (sizeBytes !== null) job.sizeBytes = sizeBytes;
    const events = {
      onAccepted: (websocketUrl: string) => this.#keep({ accepted: true, websocketUrl }),
      onSent,
      onNews: (news: Job) => this.#hear(news),
    };
    await this.#makeRow();
    await deliver(client, job, file, events, signal);
    this.#keep({ sent: true });
  }

  #onFailed(error: unknown): void {
    // What has gone on meanwhile needs no more sending.
    if (this.#job.status === "pending") this.#fail(error);
  }

  /** The API has told its news to a Convex without the row, and may have given up. */
  #makeRow(): Promise<void> {
    return this.#row.make(this.#kept.filename, () => {
      if (!this.#kept.accepted) return;
      withRetries(() => this.around.client.redeliver(this.jobId)).catch((error: unknown) =>
        console.warn("The job's row in Convex hears of it late.", error),
      );
    });
  }

  #onRow(row: ConvexJob | null | undefined, wasShown: boolean): void {
    this.around.reach.heard();
    if (row === null && !wasShown && this.#kept.accepted) void this.#makeRow();
    if (row && !(this.#anew && row.seq === NO_SEQ)) {
      // Asked for elsewhere, before the API could be told: only this page knows whether it has the job by now.
      if (row.cancelRequested && !this.#cancelling && this.#sending.isOn && !this.#kept.accepted) void this.cancel();
      this.#hear(fromConvex(row));
      if (row.status === "completed" && row.run === this.#job.run) void this.#takeResult(row);
    }
    this.#changed();
  }

  async #takeResult(row: ConvexJob): Promise<void> {
    if (this.#result) return;
    try {
      const result = await readTranscript(row);
      if (row.run !== this.#job.run) return;
      this.#result ??= result;
      this.#changed();
    } catch (error) {
      console.warn("The transcript could not be read from Convex; the API is asked instead.", error);
      await this.#following.refresh();
    }
  }

  async #ask(): Promise<void> {
    try {
      const { job, result } = await this.around.client.job(this.jobId);
      this.#hear(job);
      if (job.status === "completed" && job.run === this.#job.run) {
        this.#result ??= result;
        this.#resultIsGone = !this.#result;
      }
    } catch (error) {
      if (!(error instanceof ApiError)) return console.warn(error);
      if (!error.jobIsGone) return; // asked again soon
      this.#resultIsGone = true;
      const lost = { code: error.code, message: error.message, retryable: false };
      this.#hear({ ...this.#job, status: "failed", presumed: true, error: lost, completedAt: Date.now() });
    }
    this.#changed();
  }

  #events: LiveEvents = {
    onJob: (job) => {
      this.#hear(job);
      const lacksText = job.status === "completed" && !this.#result;
      if (this.#following.isPolling && lacksText) void this.#following.refresh(); // without waiting for the next round
    },
    onPieces: (pieces, { run }, all) => this.#liveText.add(pieces, run, all),
  };

  #hear(news: Job): void {
    const before = this.#job;
    const { run, status, seq, presumed } = (this.#job = newest(before, news));
    const ended = isTerminal(status);
    if (run > before.run) {
      this.#result = null;
      this.#resultIsGone = this.#cancelling = false;
      if (status === "pending") this.#keep({ sent: false }); // the earlier run's audio is gone
    }
    // It got over whatever was in its way.
    if (run > before.run || status !== before.status) this.#problem = null;
    if (ended) this.#cancelling = false;
    // What is only presumed, the audio may yet prove wrong.
    if (ended && !presumed) void this.#sending.abort();
    if (ended !== this.#kept.ended) this.#keep({ ended });
    // Its audio has come, whichever page brought it.
    if (status !== "pending" && seq !== NO_SEQ && !this.#kept.sent) this.#keep({ sent: true });
    // The API has it, whatever this page has heard of that.
    if (seq !== NO_SEQ && !this.#kept.accepted) this.#keep({ accepted: true });
    this.#changed();
  }

  get #isSentElsewhere(): boolean {
    return !this.#sending.isOn && mayBeSending(this.#kept.sendingAt);
  }

  #fail(error: unknown): void {
    this.#show(asProblem(error, this.around.language()));
  }

  #show(problem: Problem): void {
    this.#problem = problem;
    this.#changed();
  }

  #keep(change: Partial<StoredJob>): void {
    this.#kept = { ...this.#kept, ...change };
    if (!this.#forgotten) this.around.kept.put(this.#kept);
    this.#changed();
  }

  #changed(): void {
    this.#view = null;
    this.adjust();
    this.around.changed();
  }
}

const isGone = (error: unknown): boolean => error instanceof ApiError && error.jobIsGone;
