/** Follows one job from its file to its transcript, through whichever of Convex and the API can be reached. */
import { ApiError } from "./apiError.js";
import type { EscribaClient, NewJob } from "./client.js";
import type { ConvexConnection } from "./convexConnection.js";
import { readTranscript } from "./convexTranscript.js";
import { ConvexRow, type RowContext } from "./convexRow.js";
import { type ConvexJob, fromConvex, isTerminal } from "./job.js";
import { JobActions } from "./jobActions.js";
import { JobRecord } from "./jobRecord.js";
import type { StoredJob } from "./jobStorage.js";
import { type LiveEvents, listen } from "./liveSocket.js";
import { NewsSources, chooseSources } from "./newsSources.js";
import { withRetries } from "./retry.js";
import { submitJob } from "./submit.js";
import { type Transcription, toTranscription } from "./transcription.js";
import { HeartbeatWatch, isAlive } from "./uploadHeartbeat.js";
import type { UploadSlots } from "./uploadSlots.js";
import { UploadTask } from "./uploadTask.js";

export type TrackerContext = RowContext & {
  client: EscribaClient;
  connection: ConvexConnection;
  slots: UploadSlots;
  pollMs: number;
  liveText: boolean;
  /** The language of the page, where the page says so. */
  language: () => string | undefined;
  onChange: () => void;
};

export class Tracker {
  readonly actions: JobActions;
  readonly #record: JobRecord;
  readonly #row: ConvexRow;
  readonly #upload: UploadTask;
  readonly #sources: NewsSources;
  readonly #otherUpload = new HeartbeatWatch(() => this.#onChange());
  #isWatched = false;
  #view: Transcription | null = null;

  constructor(
    stored: StoredJob,
    private readonly context: TrackerContext,
  ) {
    const { jobId } = stored;
    this.#record = new JobRecord(stored, context.storage, () => this.#onChange());
    this.#row = new ConvexRow(jobId, context, {
      onRow: (row, wasShown) => this.#onRow(row, wasShown),
      onCreated: () => this.#onRowCreated(),
      onSubject: (subject) => void (this.#record.stored.accepted || this.#record.store({ subject })),
    });
    this.#upload = new UploadTask(context.slots, {
      submit: (file, onProgress, signal) => this.#submit(file, onProgress, signal),
      onFailed: (error) => this.#onUploadFailed(error),
      onHeartbeat: (sendingAt) => this.#record.store({ sendingAt }),
      onChange: () => this.#onChange(),
    });
    if (stored.options.url) this.#upload.file = new Blob(); // nothing has to be chosen again
    this.#sources = new NewsSources(
      () => listen(jobId, this.#socketUrl, this.#liveEvents, context.client.socketAccess(jobId)),
      () => this.#requestJob(),
      context.pollMs,
    );
    const refresh = () => this.#sources.refresh();
    this.actions = new JobActions(this.#record, this.#row, this.#upload, refresh, context);
  }

  get jobId(): string {
    return this.#record.job.jobId;
  }

  /** By this browser's clock, and not by the API's. */
  get createdAt(): number {
    return this.#record.stored.createdAt;
  }

  /** Whose the job is at the API. */
  get subject(): string | undefined {
    return this.#record.stored.subject;
  }

  get isUploading(): boolean {
    return this.#upload.isActive;
  }

  /** This page has audio that the API does not have yet: by now, or after a `retry`. */
  get holdsUnsentAudio(): boolean {
    return this.isUploading || (this.#upload.file !== null && !this.#record.stored.sent);
  }

  get view(): Transcription {
    const { isActive, fraction, file } = this.#upload;
    const isElsewhere = this.#isUploadedElsewhere;
    return (this.#view ??= toTranscription(this.#record, { isActive, fraction, file, isElsewhere }));
  }

  start(): void {
    this.#isWatched = true;
    this.#row.watch();
    this.adjust();
  }

  /** Ends the watching; an upload continues. */
  stop(): void {
    this.#isWatched = false;
    this.#row.unwatch();
    this.adjust();
  }

  /** Ends the watching for good: an upload that continues stores nothing. */
  forget(): void {
    this.#record.forget();
    this.stop();
  }

  /** Another tab has stored the job. */
  replaceStored(stored: StoredJob): void {
    if (!this.#upload.isActive) this.#record.replaceStored(stored);
  }

  /** Opens the sources that the job needs now, and closes the others. */
  adjust(): void {
    const { connection, liveText } = this.context;
    const { job, stored, fields } = this.#record;
    // An end that is only presumed may be wrong: then the upload shows it.
    if (isTerminal(job.status) && !job.presumed) void this.#upload.abort();
    this.#sources.use(
      chooseSources({
        isWatched: this.#isWatched,
        status: job.status,
        isAccepted: stored.accepted,
        isSent: stored.sent,
        lacksResult: !fields.result && !fields.isResultGone,
        wantsLiveText: liveText,
        isOffline: connection.status === "offline",
        isPushed: connection.isUsable && this.#row.isShown,
        isRowAwaited: connection.isUsable && this.#row.isAwaited,
      }),
    );
    if (this.#isWatched && this.#isUploadedElsewhere) this.#otherUpload.watch(stored.sendingAt);
    else this.#otherUpload.stop();
  }

  async #submit(file: Blob, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<void> {
    const { client, userId } = this.context;
    const { jobId, filename, sizeBytes, options } = this.#record.stored;
    const job: NewJob = { ...options, jobId };
    if (userId) job.userId = userId;
    if (filename) job.filename = filename;
    if (sizeBytes !== null) job.sizeBytes = sizeBytes;
    const events = {
      onAccepted: (websocketUrl: string, subject: string | undefined) =>
        this.#record.store({ accepted: true, websocketUrl, ...(subject ? { subject } : {}) }),
      onProgress,
      onAudioReceived: this.#liveEvents.onJob,
    };
    await this.#row.create(filename);
    await submitJob(client, job, file, events, signal);
    this.#record.store({ sent: true });
  }

  #onUploadFailed(error: unknown): void {
    // A job that has gone on meanwhile needs no upload any more.
    if (this.#record.job.status === "pending") this.actions.fail(error);
  }

  /** The API has sent its snapshots while there was no row, and may have stopped trying. */
  #onRowCreated(): void {
    if (!this.#record.stored.accepted) return;
    withRetries(() => this.context.client.redeliver(this.jobId)).catch((error: unknown) =>
      console.warn("The job's new row in Convex gets the job's news late.", error),
    );
  }

  #onRow(row: ConvexJob | null | undefined, wasShown: boolean): void {
    this.context.connection.confirm();
    const { stored } = this.#record;
    if (!row && wasShown) this.context.client.forgetToken(this.jobId); // its user may have signed out
    if (row === null && !wasShown && stored.accepted) void this.#row.create(stored.filename);
    if (row && !this.#record.isOutdated(row)) {
      this.#passOnCancel(row);
      this.#record.update(fromConvex(row));
      if (row.status === "completed" && row.run === this.#record.job.run) void this.#takeResult(row);
    }
    this.#onChange();
  }

  /** Another page asked to cancel before the API had the job: only the page that uploads knows when the API has it. */
  #passOnCancel({ cancelRequested }: ConvexJob): void {
    const { stored, fields } = this.#record;
    if (cancelRequested && !fields.isCancelling && this.#upload.isActive && !stored.accepted)
      void this.actions.cancel();
  }

  async #takeResult(row: ConvexJob): Promise<void> {
    if (!this.#lacksResultOf(row)) return;
    try {
      const result = await readTranscript(row);
      if (row.run === this.#record.job.run && this.#lacksResultOf(row))
        this.#record.set({ result, resultSeq: row.seq });
    } catch (error) {
      console.warn("The page could not read the transcript from Convex; it requests it from the API.", error);
      await this.#sources.refresh();
    }
  }

  /** Whether the transcript of this version is newer than the page's. */
  #lacksResultOf({ seq }: Pick<ConvexJob, "seq">): boolean {
    const { result, resultSeq } = this.#record.fields;
    return result === null || seq > resultSeq;
  }

  async #requestJob(): Promise<void> {
    try {
      const { job, result } = await this.context.client.getJob(this.jobId);
      this.#record.update(job);
      if (job.status !== "completed" || job.run !== this.#record.job.run) return;
      if (result && this.#lacksResultOf(job)) this.#record.set({ result, resultSeq: job.seq });
      this.#record.set({ isResultGone: this.#record.fields.result === null });
    } catch (error) {
      if (!(error instanceof ApiError)) return console.warn(error);
      if (!error.isJobGone) return; // the next request may succeed
      this.#record.set({ isResultGone: true });
      this.#record.presumeEnd("failed", { code: error.code, message: error.message, retryable: false });
    }
  }

  readonly #liveEvents: LiveEvents = {
    onJob: (job) => {
      this.#record.update(job);
      const lacksResult = job.status === "completed" && !this.#record.fields.result;
      if (this.#sources.isPolling && lacksResult) void this.#sources.refresh(); // before the next poll
    },
    onPieces: (pieces, { run }, isComplete) => this.#record.liveText.add(pieces, run, isComplete),
  };

  get #socketUrl(): string {
    return this.#record.stored.websocketUrl ?? this.context.client.websocketUrl(this.jobId);
  }

  get #isUploadedElsewhere(): boolean {
    return !this.#upload.isActive && isAlive(this.#record.stored.sendingAt);
  }

  #onChange(): void {
    this.#view = null;
    this.adjust();
    this.context.onChange();
  }
}
