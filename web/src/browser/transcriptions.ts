/** All the jobs of one browser as one observable state: what the hook shows, without React. */
import type { GetToken } from "./accessTokens.js";
import { tokensOfApp } from "./appTokens.js";
import { type EscribaClient, type TranscriptionOptions, createClient } from "./client.js";
import { type Connection, ConvexConnection } from "./convexConnection.js";
import type { ConvexLink } from "./convexLink.js";
import { JobStorage, type StoredJob } from "./jobStorage.js";
import { randomUuid } from "./random.js";
import { Tracker, type TrackerContext } from "./tracker.js";
import type { Transcription } from "./transcription.js";
import { UploadSlots } from "./uploadSlots.js";

export type TranscriptionsConfig = {
  /** Where the transcription API is. */
  apiUrl: string;
  /** From `linkConvex`; null for an app without Convex, whose page then polls the API. */
  convex: ConvexLink | null;
  /** Your own id for the user: a label for the API and Convex. Each user of one browser has a storage of their own. */
  userId?: string;
  /** The key in `localStorage`. Default `escriba`. */
  storageKey?: string;
  /** How often the page polls the API while Convex is away. Default 10 s. */
  pollMs?: number;
  /** For how long Convex may be away before the page polls the API. Default 3 s. */
  graceMs?: number;
  /** Whether to show text while it is recognised, over one WebSocket for each active job. Default true. */
  liveText?: boolean;
  /** The language of error messages, `en` or `es`. Default: the browser's. See `setLanguage`. */
  language?: string;
  /** For an API that asks for access keys, in a page without Convex: see `ClientOptions`. */
  getToken?: GetToken;
};

/** `jobs`: newest first. */
export type TranscriptionsState = { jobs: readonly Transcription[]; connection: Connection };

/** The API takes in five uploads at once, from all its clients; and each upload ends sooner when few run. */
const UPLOADS_AT_ONCE = 3;

export class Transcriptions {
  #trackers = new Map<string, Tracker>();
  #listeners = new Set<() => void>();
  #context: TrackerContext;
  #connection: ConvexConnection;
  #storage: JobStorage;
  #state: TranscriptionsState | null = null;
  #isNotifying = false;
  #language: string | undefined;
  #stopWatchingStorage = () => {};

  constructor(config: TranscriptionsConfig) {
    const { apiUrl, convex, userId, storageKey = "escriba" } = config;
    const { pollMs = 10_000, graceMs = 3_000, liveText = true, getToken } = config;
    this.#language = config.language;
    const language = () => this.#language;
    this.#storage = new JobStorage(userId ? `${storageKey}:${userId}` : storageKey);
    this.#connection = new ConvexConnection(convex, graceMs, () => this.#onConnectionChange());
    const ownerToken = () => this.#storage.ownerToken;
    this.#context = {
      client: createClient(apiUrl, {
        language,
        getToken:
          getToken ?? tokensOfApp({ link: convex, connection: this.#connection, ownerToken, graceMs, language }),
        subjectOf: (jobId) => this.#trackers.get(jobId)?.subject,
      }),
      link: convex,
      storage: this.#storage,
      connection: this.#connection,
      slots: new UploadSlots(UPLOADS_AT_ONCE),
      ...{ userId, pollMs, graceMs, liveText, language },
      onChange: () => this.#notify(),
    };
    this.#readStorage();
  }

  /** The API's client, for requests that no job of this list makes. */
  get client(): EscribaClient {
    return this.#context.client;
  }

  get state(): TranscriptionsState {
    return (this.#state ??= {
      jobs: this.#newestFirst().map((tracker) => tracker.view),
      connection: this.#connection.status,
    });
  }

  /** The jobs are watched while there is a listener. An upload continues without one. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watch();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Some audio is only in this object, and would be lost with it. */
  get holdsUnsentAudio(): boolean {
    return [...this.#trackers.values()].some((tracker) => tracker.holdsUnsentAudio);
  }

  /** The language of the error messages from now on. */
  setLanguage(language: string | undefined): void {
    this.#language = language;
  }

  /**
   * Stores the job before anything can fail, then uploads the audio. Failures show in the job's `problem`. `jobId` is for
   * a page that has stored the audio under its id before.
   */
  start(file: Blob, options: TranscriptionOptions = {}, jobId = randomUuid()): string {
    const filename = file instanceof File ? file.name : null;
    return this.#start(jobId, file, options, { filename, sizeBytes: file.size });
  }

  /** The same for a recording that the API fetches from an address. */
  startFrom(url: string, options: TranscriptionOptions = {}): string {
    return this.#start(randomUuid(), new Blob(), { ...options, url }, { filename: null, sizeBytes: null });
  }

  #start(
    jobId: string,
    file: Blob,
    options: TranscriptionOptions,
    named: Pick<StoredJob, "filename" | "sizeBytes">,
  ): string {
    const stored: StoredJob = {
      jobId,
      options,
      ...named,
      createdAt: Date.now(),
      accepted: false,
      sent: false,
      sendingAt: Date.now(),
      ended: false,
      websocketUrl: null,
    };
    this.#storage.put(stored);
    this.#track(stored).actions.send(file);
    return jobId;
  }

  /** Uploads a file for a job that `needsFile`. */
  provide(jobId: string, file: Blob): void {
    this.#trackers.get(jobId)?.actions.send(file);
  }

  async cancel(jobId: string): Promise<void> {
    await this.#trackers.get(jobId)?.actions.cancel();
  }

  /** Uploads again what could not be uploaded, or starts the next run of a failed or cancelled job. */
  async retry(jobId: string): Promise<void> {
    await this.#trackers.get(jobId)?.actions.retry();
  }

  /** Removes the job from this browser's list only. */
  dismiss(jobId: string): void {
    this.#trackers.get(jobId)?.forget();
    this.#storage.remove(jobId);
    this.#untrack(jobId);
  }

  /** Deletes the job, its audio and its text everywhere. Cancels it first where it has not ended. */
  async remove(jobId: string): Promise<void> {
    if (await this.#trackers.get(jobId)?.actions.remove()) this.dismiss(jobId);
  }

  #watch(): void {
    this.#stopWatchingStorage = this.#storage.onChange(() => this.#readStorage());
    this.#connection.start();
    this.#readStorage();
    for (const tracker of this.#trackers.values()) tracker.start();
    this.#notify();
  }

  #stop(): void {
    this.#stopWatchingStorage();
    this.#connection.stop();
    for (const tracker of this.#trackers.values()) tracker.stop();
  }

  #readStorage(): void {
    const jobs = this.#storage.jobs();
    for (const [jobId, tracker] of this.#trackers)
      if (!tracker.isUploading && !jobs.some((job) => job.jobId === jobId)) this.#untrack(jobId);
    for (const stored of jobs) {
      const tracker = this.#trackers.get(stored.jobId);
      if (tracker) tracker.replaceStored(stored);
      else this.#track(stored);
    }
  }

  #track(stored: StoredJob): Tracker {
    const tracker = new Tracker(stored, this.#context);
    this.#trackers.set(stored.jobId, tracker);
    if (this.#listeners.size > 0) tracker.start();
    this.#notify();
    return tracker;
  }

  #untrack(jobId: string): void {
    this.#trackers.get(jobId)?.stop();
    this.#trackers.delete(jobId);
    this.#notify();
  }

  #onConnectionChange(): void {
    for (const tracker of this.#trackers.values()) tracker.adjust();
    this.#notify();
  }

  #newestFirst(): Tracker[] {
    return [...this.#trackers.values()].sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Calls the listeners once for several changes in a row. */
  #notify(): void {
    this.#state = null;
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    queueMicrotask(() => {
      this.#isNotifying = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
