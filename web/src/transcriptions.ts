/** All the jobs of one browser, as one value that can be subscribed to: what the hook shows, without React. */
import { type TranscriptionOptions, createClient } from "./client.js";
import type { ConvexLink } from "./convexLink.js";
import { JobStorage, type StoredJob } from "./jobStorage.js";
import { randomUuid } from "./random.js";
import { type Connection, ConvexConnection } from "./convexConnection.js";
import { type TrackerContext, Tracker } from "./tracker.js";
import type { Transcription } from "./transcription.js";
import { UploadSlots } from "./uploadSlots.js";

export type TranscriptionsConfig = {
  /** Where the transcription API is. */
  apiUrl: string;
  /** From `linkConvex`; null for an app without Convex, whose page then asks the API now and then. */
  convex: ConvexLink | null;
  /** Your own id for the user: given to the API and to Convex as a label, and keeps apart what this browser keeps. */
  userId?: string;
  /** Under which name this browser keeps its jobs. Default `escriba`. */
  storageKey?: string;
  /** How often the API is asked while Convex is away. Default 10 s. */
  pollMs?: number;
  /** For how long Convex may be away before the API is asked. Default 3 s. */
  graceMs?: number;
  /** Whether to show text while it is recognised, over one WebSocket for each active job. Default true. */
  liveText?: boolean;
  /** In which language failures are told, `en` or `es`. Default: the browser's. See `speak`. */
  language?: string;
};

/** `jobs`: newest first. */
export type TranscriptionsState = { jobs: readonly Transcription[]; connection: Connection };

/** The service takes in five at once, of everybody; and each arrives sooner when few are sent. */
const SENT_AT_ONCE = 3;

export class Transcriptions {
  #trackers = new Map<string, Tracker>();
  #listeners = new Set<() => void>();
  #around: TrackerContext;
  #reach: ConvexConnection;
  #kept: JobStorage;
  #state: TranscriptionsState | null = null;
  #announced = false;
  #language: string | undefined;
  #stopKept = () => {};

  constructor({
    apiUrl,
    convex,
    userId,
    storageKey = "escriba",
    pollMs = 10_000,
    graceMs = 3_000,
    liveText = true,
    language,
  }: TranscriptionsConfig) {
    this.#kept = new JobStorage(userId ? `${storageKey}:${userId}` : storageKey);
    this.#reach = new ConvexConnection(convex, graceMs, () => this.#adjust());
    this.#language = language;
    const spoken = () => this.#language;
    const changed = () => this.#changed();
    this.#around = {
      client: createClient(apiUrl, { language: spoken }),
      link: convex,
      kept: this.#kept,
      reach: this.#reach,
      turns: new UploadSlots(SENT_AT_ONCE),
      userId,
      pollMs,
      graceMs,
      liveText,
      language: spoken,
      changed,
    };
    this.#readKept();
  }

  get state(): TranscriptionsState {
    return (this.#state ??= {
      jobs: this.#inOrder().map((tracker) => tracker.view),
      connection: this.#reach.connection,
    });
  }

  /** Jobs are followed from the first listener to the last; audio being sent is sent to its end. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Changes the language of what is told from now on. */
  speak(language: string | undefined): void {
    this.#language = language;
  }

  /** Remembers the job before anything can fail, then sends the audio. What goes wrong shows in the job. */
  start(file: Blob, options: TranscriptionOptions = {}): string {
    const jobId = randomUuid();
    const filename = file instanceof File ? file.name : null;
    const kept: StoredJob = {
      jobId,
      options,
      filename,
      sizeBytes: file.size,
      createdAt: Date.now(),
      accepted: false,
      sent: false,
      sendingAt: Date.now(),
      ended: false,
      websocketUrl: null,
    };
    this.#kept.put(kept);
    this.#track(kept).send(file);
    return jobId;
  }

  /** Sends a file for a job that `needsFile`. */
  provide(jobId: string, file: Blob): void {
    this.#trackers.get(jobId)?.send(file);
  }

  async cancel(jobId: string): Promise<void> {
    await this.#trackers.get(jobId)?.cancel();
  }

  /** Sends again what could not be sent, or has the API run a failed or cancelled job again. */
  async retry(jobId: string): Promise<void> {
    await this.#trackers.get(jobId)?.retry();
  }

  /** Takes the job off this browser's list; it goes on elsewhere. */
  dismiss(jobId: string): void {
    this.#trackers.get(jobId)?.forget();
    this.#kept.forget(jobId);
    this.#drop(jobId);
  }

  /** Deletes the job, its audio and its text everywhere; cancels it first if it must. */
  async remove(jobId: string): Promise<void> {
    if (await this.#trackers.get(jobId)?.erase()) this.dismiss(jobId);
  }

  #start(): void {
    this.#stopKept = this.#kept.onChange(() => this.#readKept());
    this.#reach.start();
    this.#readKept();
    for (const tracker of this.#trackers.values()) tracker.start();
    this.#changed();
  }

  #stop(): void {
    this.#stopKept();
    this.#reach.stop();
    for (const tracker of this.#trackers.values()) tracker.stop();
  }

  #readKept(): void {
    const jobs = this.#kept.jobs();
    for (const [jobId, tracker] of this.#trackers)
      if (!tracker.isSending && !jobs.some((job) => job.jobId === jobId)) this.#drop(jobId);
    for (const kept of jobs) {
      const known = this.#trackers.get(kept.jobId);
      if (known) known.rekeep(kept);
      else this.#track(kept);
    }
  }

  #track(kept: StoredJob): Tracker {
    const tracker = new Tracker(kept, this.#around);
    this.#trackers.set(kept.jobId, tracker);
    if (this.#listeners.size > 0) tracker.start();
    this.#changed();
    return tracker;
  }

  #drop(jobId: string): void {
    this.#trackers.get(jobId)?.stop();
    this.#trackers.delete(jobId);
    this.#changed();
  }

  #adjust(): void {
    for (const tracker of this.#trackers.values()) tracker.adjust();
    this.#changed();
  }

  #inOrder(): Tracker[] {
    return [...this.#trackers.values()].sort((a, b) => b.begunAt - a.begunAt);
  }

  /** Several changes at once are announced once. */
  #changed(): void {
    this.#state = null;
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
