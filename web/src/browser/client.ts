/** A client of the transcription API's jobs, for any JavaScript: without React, Convex and storage. */
import { ApiError, toApiError } from "./apiError.js";
import { type Job, type Transcript, fromApi, isTerminal } from "./job.js";
import { sentences } from "./sentences.js";
import { TimedOut, withTimeout } from "./timeout.js";
import { type UploadTarget, upload } from "./upload.js";

export type TranscriptionOptions = {
  language?: string;
  prompt?: string;
  temperature?: number;
  timestamps?: string | string[];
  task?: "transcribe" | "translate";
  model?: string;
  /** Removes text that nobody said. Default true. */
  guard?: boolean;
  /** The address of the recording: the API fetches it, and nothing is uploaded. */
  url?: string;
};

export type NewJob = TranscriptionOptions & { jobId: string; userId?: string; filename?: string; sizeBytes?: number };

/** `upload` is null when the API has the audio already: a second request for one job changes nothing. */
export type AcceptedJob = { jobId: string; websocketUrl: string; upload: UploadTarget | null };

export type JobAndResult = { job: Job; result: Transcript | null; upload: UploadTarget | null };

export type ClientOptions = {
  /** The language of error messages, `en` or `es`; a function where it may change. Default: the browser's. */
  language?: string | (() => string | undefined);
  /** After how many milliseconds a request without an answer fails (for uploads see `upload`). Default 30 s. */
  timeoutMs?: number;
};

type Body = Record<string, unknown>;
type RequestOptions = { signal?: AbortSignal | undefined; body?: object; timeoutMs?: number };

/** How long the API holds a request open until a job ends: seconds. */
const WAIT = 25;

/** @param apiUrl where the API is, with or without a slash at its end */
export const createClient = (apiUrl: string, options: ClientOptions = {}): EscribaClient =>
  new EscribaClient(apiUrl, options);

export class EscribaClient {
  readonly #base: URL;
  readonly #language: () => string | undefined;
  readonly #timeoutMs: number;

  constructor(apiUrl: string, { language, timeoutMs = 30_000 }: ClientOptions = {}) {
    this.#base = new URL(apiUrl.replace(/\/*$/, "/"), globalThis.location?.href);
    this.#language = typeof language === "function" ? language : () => language;
    this.#timeoutMs = timeoutMs;
  }

  /** Creates a job; send its audio to `upload` next. The same `jobId` again is the same job. */
  async createJob(job: NewJob, signal?: AbortSignal): Promise<AcceptedJob> {
    const body = await this.#request("POST", new URL("transcribe-job", this.#base), { signal, body: job });
    const { websocketUrl } = body;
    return {
      jobId: job.jobId,
      websocketUrl:
        typeof websocketUrl === "string"
          ? toSocketUrl(new URL(websocketUrl, this.#base))
          : this.websocketUrl(job.jobId),
      upload: this.#uploadTarget(body),
    };
  }

  upload(target: UploadTarget, file: Blob, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<void> {
    return upload(target, file, onProgress, signal, this.#language());
  }

  async getJob(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("GET", this.#jobUrl(jobId), { signal }));
  }

  /** Resolves when the job has ended, in whichever status. The API holds each request open meanwhile. */
  async waitForEnd(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    const url = this.#jobUrl(jobId);
    url.searchParams.set("wait", String(WAIT));
    const timeoutMs = this.#timeoutMs + WAIT * 1000;
    for (;;) {
      const answer = this.#jobAndResult(await this.#request("GET", url, { signal, timeoutMs }));
      if (isTerminal(answer.job.status)) return answer;
    }
  }

  /** Ends the job in whichever status it is. The API then deletes its audio and text. */
  async cancel(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("DELETE", this.#jobUrl(jobId), { signal }));
  }

  /** Starts the next run of a failed or cancelled job. `upload` is set when the API has no longer its audio. */
  async retry(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("POST", this.#jobUrl(jobId, "/retry"), { signal }));
  }

  /** The API sends the job's snapshot to Convex once more: for a row that did not exist the first time. */
  async redeliver(jobId: string, signal?: AbortSignal): Promise<void> {
    await this.#request("POST", this.#jobUrl(jobId, "/redeliver"), { signal });
  }

  /** The address of a job's live events, for a job that another client created. */
  websocketUrl(jobId: string): string {
    return toSocketUrl(new URL(`ws/transcription/${encodeURIComponent(jobId)}`, this.#base));
  }

  #jobUrl(jobId: string, action = ""): URL {
    return new URL(`job/${encodeURIComponent(jobId)}${action}`, this.#base);
  }

  #jobAndResult(body: Body): JobAndResult {
    return { ...fromApi(body), upload: this.#uploadTarget(body) };
  }

  #uploadTarget({ upload }: Body): UploadTarget | null {
    if (!upload) return null;
    const { url, fields, directUrl } = upload as UploadTarget;
    const target = { url: new URL(url, this.#base).href, fields: fields ?? {} };
    return directUrl ? { ...target, directUrl } : target;
  }

  async #request(method: string, url: URL, { signal, body, timeoutMs = this.#timeoutMs }: RequestOptions) {
    const words = sentences(this.#language());
    const init = this.#requestInit(method, body);
    const { response, answer } = await withTimeout(timeoutMs, signal, async (signal) => {
      const response = await fetch(url, { ...init, signal });
      return { response, answer: parseJson(await response.text()) };
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (error instanceof TimedOut) throw new ApiError(0, "timeout", words.timeout);
      throw new ApiError(0, "unreachable", `${words.unreachable} (${String(error)})`);
    });
    if (!response.ok) throw toApiError(response, answer, words.answered(response.status));
    if (typeof answer !== "object" || answer === null) throw new ApiError(502, "unreadable", words.unreadable);
    return answer as Body;
  }

  #requestInit(method: string, body: object | undefined): RequestInit {
    const language = this.#language();
    return {
      method,
      cache: "no-cache", // always asks the API; its ETag spares the body of an unchanged job
      headers: {
        accept: "application/json",
        ...(language ? { "accept-language": language } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function toSocketUrl(url: URL): string {
  url.protocol = url.protocol.replace(/^http/, "ws");
  return url.href;
}
