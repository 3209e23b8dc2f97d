/** One job, followed from the file a person chose to its transcript, whatever is away meanwhile. */
import { NO_NEWS } from "../convex/model/order.js";
import { ApiError, type EscribaClient, type NewJob } from "./client.js";
import { type ConvexLink, transcriptOf } from "./convex.js";
import { deliver } from "./delivery.js";
import { type ConvexJob, type Job, type Transcript, fromConvex, isTerminal, newest, unheard } from "./job.js";
import { type Kept, type KeptJob, SILENT_AFTER, sayWhileSending } from "./kept.js";
import { type Piece, listen } from "./live.js";
import { LiveText } from "./liveText.js";
import { patiently, pause } from "./patience.js";
import type { Reach } from "./reach.js";
import { type Problem, type Transcription, asProblem } from "./transcription.js";
import type { Turns } from "./turns.js";

export type Surroundings = {
  client: EscribaClient;
  link: ConvexLink | null;
  kept: Kept;
  reach: Reach;
  turns: Turns;
  userId: string | undefined;
  pollMs: number;
  graceMs: number;
  liveText: boolean;
  changed: () => void;
};

/** The API has said that it completed: its row in Convex follows within a moment, or else we ask. */
const ROW_LAGS = 5_000;

export class Tracker {
  #job: Job;
  #kept: KeptJob;
  #result: Transcript | null = null;
  #resultIsGone = false;
  #liveText = new LiveText();
  #file: Blob | null = null;
  #sending: { uploaded: number | null; controller: AbortController; done: Promise<void> } | null = null;
  #cancelling = false;
  #problem: Problem | null = null;
  /** Convex has this job's row and shows it to us. */
  #covered = false;
  #rowAsked = false;
  /** Convex has answered, be it that there is no row. */
  #rowSeen = false;
  /** It is sent again after its end was only presumed; the row says that end until the API has spoken. */
  #anew = false;
  #active = false;
  #forgotten = false;
  #view: Transcription | null = null;

  #unwatch: (() => void) | null = null;
  #hangUp: (() => void) | null = null;
  #poll: ReturnType<typeof setInterval> | undefined;
  #lag: ReturnType<typeof setTimeout> | undefined;
  #recheck: ReturnType<typeof setTimeout> | undefined;

  constructor(
    kept: KeptJob,
    private readonly around: Surroundings,
  ) {
    this.#kept = kept;
    this.#job = { ...unheard(kept.jobId), createdAt: kept.createdAt };
  }

  get jobId(): string {
    return this.#kept.jobId;
  }

  /** By this browser's clock, whatever the API's says. */
  get begunAt(): number {
    return this.#kept.createdAt;
  }

  get isSending(): boolean {
    return this.#sending !== null;
  }

  get view(): Transcription {
    return (this.#view ??= this.#present());
  }

  /** Begins to follow the job, or goes on. */
  start(): void {
    this.#active = true;
    const { link, kept } = this.around;
    const access = { jobId: this.jobId, ownerToken: kept.ownerToken };
    this.#unwatch ??= link?.watch(access, (row) => this.#onRow(row)) ?? null;
    this.adjust();
  }

  /** Stops following it; what is being sent goes on. */
  stop(): void {
    this.#active = false;
    this.#unwatch?.();
    this.#unwatch = null;
    this.adjust();
  }

  /** It is no longer wanted here: what is still going on for it leaves nothing behind. */
  forget(): void {
    this.#forgotten = true;
    this.stop();
  }

  /** Opens and closes what is needed as things stand now: the live socket, and the asking of the API. */
  adjust(): void {
    this.#awaitOther();
    const { client, reach, liveText, pollMs } = this.around;
    const running = this.#active && this.#kept.accepted && !isTerminal(this.#job.status);

    const listens = running && liveText && this.#kept.sent && !this.#awaitsRow(); // it may have ended long ago
    if (listens && !this.#hangUp) {
      this.#hangUp = listen(this.jobId, this.#kept.websocketUrl ?? client.websocketUrl(this.jobId), this.#events);
    }
    if (!listens && this.#hangUp) {
      this.#hangUp();
      this.#hangUp = null;
    }

    const lacksResult = this.#active && this.#job.status === "completed" && !this.#result && !this.#resultIsGone;
    const told = reach.convexAnswers && this.#covered;
    const polls = (running || lacksResult) && !told && reach.connection !== "offline" && !this.#awaitsRow();
    if (polls && !this.#poll) {
      this.#poll = setInterval(() => void this.#ask(), pollMs);
      void this.#ask();
    }
    if (!polls) {
      clearInterval(this.#poll);
      this.#poll = undefined;
    }

    if (lacksResult && told) {
      this.#lag ??= setTimeout(() => void this.#ask().finally(() => this.#endLag()), ROW_LAGS);
    } else {
      clearTimeout(this.#lag);
      this.#lag = undefined;
    }
  }

  /** A page that crashed while it sent does not say so: it only falls silent. */
  #awaitOther(): void {
    clearTimeout(this.#recheck);
    if (!this.#active || !this.#sendsElsewhere()) return;
    this.#recheck = setTimeout(() => this.#changed(), this.#kept.sendingAt + SILENT_AFTER - Date.now());
  }

  #endLag(): void {
    this.#lag = undefined;
    this.adjust();
  }

  /** Another tab has written. */
  rekeep(kept: KeptJob): void {
    if (this.#sending) return;
    this.#kept = kept;
    this.#changed();
  }

  send(file: Blob): void {
    this.#sending?.controller.abort();
    this.#file = file;
    this.#problem = null;
    const controller = new AbortController();
    const sending = (this.#sending = { uploaded: null, controller, done: Promise.resolve() });
    sending.done = this.#inTurn(file, controller.signal)
      .catch((error: unknown) => {
        // What has gone on meanwhile needs no more sending.
        if (!controller.signal.aborted && this.#job.status === "pending") this.#problem = asProblem(error);
      })
      .finally(() => {
        if (this.#sending === sending) this.#sending = null;
        this.#keep({ sendingAt: 0 });
      });
    this.#changed();
  }

  async cancel(): Promise<void> {
    if (isTerminal(this.#job.status)) return;
    const { client, link, kept } = this.around;
    this.#cancelling = true;
    this.#problem = null;
    this.#changed();
    const access = { jobId: this.jobId, ownerToken: kept.ownerToken, run: this.#job.run };
    void link?.cancel(access).catch(() => {}); // there may be no row; the API decides anyway
    const sending = this.#sending;
    sending?.controller.abort();
    await sending?.done;
    try {
      this.#hear((await patiently(() => client.cancel(this.jobId))).job);
    } catch (error) {
      // A job that was never accepted has no audio there either: if the API has it after all, it lets it expire.
      if ((error instanceof ApiError && error.jobIsGone) || !this.#kept.accepted) {
        void link?.cancel({ ...access, unknownToApi: true }).catch(() => {});
        this.#hear({ ...this.#job, status: "cancelled", presumed: true, completedAt: Date.now() });
      } else {
        // With a row in Convex the request is not lost: the deployment delivers it.
        this.#cancelling = this.#covered;
        this.#problem = asProblem(error);
        this.#changed();
      }
    }
  }

  async retry(): Promise<void> {
    this.#problem = null;
    if (this.#neverCame()) this.#beginAnew();
    else this.#changed();
    if (!isTerminal(this.#job.status)) {
      if (this.#file && !this.#kept.sent) this.send(this.#file);
      else if (this.#kept.accepted) await this.#ask();
      return;
    }
    try {
      const { job, upload } = await patiently(() => this.around.client.retry(this.jobId));
      this.#hear(job);
      if (upload && this.#file) this.send(this.#file); // its audio is no longer kept there
    } catch (error) {
      this.#problem = asProblem(error);
      this.#changed();
    }
  }

  /** Has both the API and Convex forget the job. False when the API could not be reached for it. */
  async erase(): Promise<boolean> {
    const { client } = this.around;
    this.#problem = null;
    if (!isTerminal(this.#job.status)) await this.cancel();
    else await patiently(() => client.cancel(this.jobId)).catch((error: unknown) => this.#unlessGone(error));
    if (this.#problem) return false;
    return await this.#removeRow();
  }

  /** False when Convex refuses. If it is away, its client removes the row when it is back. */
  async #removeRow(): Promise<boolean> {
    const { link, kept, graceMs } = this.around;
    if (!link) return true;
    const removed = link.remove({ jobId: this.jobId, ownerToken: kept.ownerToken }).then(
      () => true,
      (error: unknown) => {
        if (!this.#covered) return true; // there is no row, as far as anybody knows
        console.warn("The job's row could not be removed from Convex.", error);
        this.#problem = { code: "not_removed", message: "It was not deleted everywhere.", hint: null, retryable: true };
        this.#changed();
        return false;
      },
    );
    return await Promise.race([removed, pause(graceMs).then(() => true)]);
  }

  async #inTurn(file: Blob, signal: AbortSignal): Promise<void> {
    const { turns } = this.around;
    const stopTelling = sayWhileSending((sendingAt) => this.#keep({ sendingAt }));
    try {
      const turn = turns.take(signal);
      if (turn) await turn; // at once where it can be
      try {
        await this.#deliver(file, signal);
      } finally {
        turns.leave();
      }
    } finally {
      stopTelling();
    }
  }

  async #deliver(file: Blob, signal: AbortSignal): Promise<void> {
    this.#onSent(0);
    const { client, userId } = this.around;
    const { jobId, filename, sizeBytes, options } = this.#kept;
    const job: NewJob = { ...options, jobId };
    if (userId) job.userId = userId;
    if (filename) job.filename = filename;
    if (sizeBytes !== null) job.sizeBytes = sizeBytes;
    const events = {
      onAccepted: (websocketUrl: string) => this.#keep({ accepted: true, websocketUrl }),
      onSent: (fraction: number) => this.#onSent(fraction),
      onNews: (news: Job) => this.#hear(news),
    };
    await this.#makeRow();
    await deliver(client, job, file, events, signal);
    this.#keep({ sent: true });
  }

  /** It has an end, but only because the API has never had it. */
  #neverCame(): boolean {
    return isTerminal(this.#job.status) && this.#job.presumed === true && !this.#kept.accepted;
  }

  #beginAnew(): void {
    this.#anew = true;
    this.#job = { ...unheard(this.jobId), createdAt: this.#kept.createdAt };
    this.#changed();
  }

  #onSent(fraction: number): void {
    if (!this.#sending) return;
    this.#sending.uploaded = fraction;
    this.#changed();
  }

  /** The row exists before the API hears of the job; but an absent Convex does not hold up the work. */
  async #makeRow(): Promise<void> {
    const { link, kept, userId, graceMs } = this.around;
    if (!link || this.#rowAsked) return;
    this.#rowAsked = true;
    const { filename } = this.#kept;
    const made = link.create({
      jobId: this.jobId,
      ownerToken: kept.ownerToken,
      ...(userId ? { userId } : {}),
      ...(filename ? { filename } : {}),
    });
    const settled = made.then(
      ({ created }) => void (created && this.#kept.accepted && this.#redeliver()),
      (error: unknown) => console.warn("The job has no row in Convex; the API is asked instead.", error),
    );
    await Promise.race([settled, pause(graceMs)]);
  }

  /** The API has told its news to a Convex without the row, and may have given up. */
  async #redeliver(): Promise<void> {
    await patiently(() => this.around.client.redeliver(this.jobId)).catch((error: unknown) =>
      console.warn("The job's row in Convex hears of it late.", error),
    );
  }

  /** For a moment after the page was opened, Convex has not had the time to answer. */
  #awaitsRow(): boolean {
    return this.#unwatch !== null && !this.#rowSeen && this.around.reach.convexAnswers;
  }

  #onRow(row: ConvexJob | null | undefined): void {
    this.#rowSeen = true;
    this.around.reach.heard();
    const wasCovered = this.#covered;
    this.#covered = Boolean(row);
    if (row === null && !wasCovered && this.#kept.accepted) void this.#makeRow();
    if (row && !(this.#anew && row.seq === NO_NEWS)) {
      // Asked for elsewhere, before the API could be told: only this page knows whether it has the job by now.
      if (row.cancelRequested && !this.#cancelling && this.#sending && !this.#kept.accepted) void this.cancel();
      this.#hear(fromConvex(row));
      if (row.status === "completed" && row.run === this.#job.run) void this.#takeResult(row);
    }
    this.#changed();
  }

  async #takeResult(row: ConvexJob): Promise<void> {
    if (this.#result) return;
    try {
      const result = await transcriptOf(row);
      if (row.run !== this.#job.run) return;
      this.#result ??= result;
      this.#changed();
    } catch (error) {
      console.warn("The transcript could not be read from Convex; the API is asked instead.", error);
      await this.#ask();
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

  #events = {
    onJob: (job: Job) => {
      this.#hear(job);
      const lacksText = job.status === "completed" && !this.#result;
      if (this.#poll && lacksText) void this.#ask(); // without waiting for the next round
    },
    onPieces: (pieces: Piece[], { run }: Job, all: boolean) => this.#liveText.add(pieces, run, all),
  };

  #hear(news: Job): void {
    const before = this.#job;
    this.#job = newest(before, news);
    if (this.#job.run > before.run) {
      this.#result = null;
      this.#resultIsGone = this.#cancelling = false;
      if (this.#job.status === "pending") this.#keep({ sent: false }); // the earlier run's audio is gone
    }
    if (isTerminal(this.#job.status)) {
      this.#cancelling = false;
      // What is only presumed, the audio may yet prove wrong.
      if (!this.#job.presumed) this.#sending?.controller.abort();
    }
    // It got over whatever was in its way.
    if (this.#job.run > before.run || this.#job.status !== before.status) this.#problem = null;
    const ended = isTerminal(this.#job.status);
    if (ended !== this.#kept.ended) this.#keep({ ended });
    // Its audio has come, whichever page brought it.
    if (this.#job.status !== "pending" && this.#job.seq !== NO_NEWS && !this.#kept.sent) this.#keep({ sent: true });
    // The API has it, whatever this page has heard of that.
    if (this.#job.seq !== NO_NEWS && !this.#kept.accepted) this.#keep({ accepted: true });
    this.#changed();
  }

  #unlessGone(error: unknown): void {
    if (!(error instanceof ApiError && error.jobIsGone)) this.#problem = asProblem(error);
    this.#changed();
  }

  #sendsElsewhere(): boolean {
    return !this.#sending && this.#kept.sendingAt > Date.now() - SILENT_AFTER;
  }

  #keep(change: Partial<KeptJob>): void {
    this.#kept = { ...this.#kept, ...change };
    if (!this.#forgotten) this.around.kept.put(this.#kept);
    this.#changed();
  }

  #changed(): void {
    this.#view = null;
    this.adjust();
    this.around.changed();
  }

  #present(): Transcription {
    const { status, stage, progress, run, chunks, waitingUntil, createdAt, startedAt, completedAt, error } = this.#job;
    const ended = isTerminal(status);
    const idle = status === "pending" && !this.#kept.sent && !this.#sending && !this.#sendsElsewhere();
    const cancelling = !ended && (this.#cancelling || this.#job.cancelRequested);
    return {
      jobId: this.jobId,
      filename: this.#kept.filename,
      sizeBytes: this.#kept.sizeBytes,
      ...{ status, stage, progress, run, chunks, waitingUntil, startedAt, completedAt, error },
      createdAt: createdAt ?? this.#kept.createdAt,
      uploaded: this.#sending?.uploaded ?? null,
      waitsToBeSent: this.#sending !== null && this.#sending.uploaded === null && !cancelling,
      needsFile: idle && !this.#file && !cancelling,
      cancelling,
      text: this.#result?.text ?? this.#liveText.of(run),
      result: this.#result,
      problem: this.#problem,
      canCancel: !ended && !cancelling,
      canRetry: ended
        ? this.#neverCame() || status === "cancelled" || (status === "failed" && error?.retryable === true)
        : (this.#problem?.retryable ?? (idle && this.#file !== null && !cancelling)),
    };
  }
}
