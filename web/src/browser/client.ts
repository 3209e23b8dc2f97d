/** A client of the transcription API's jobs, for any JavaScript: without React, Convex and storage. */
import { type AccessToken, AccessTokens, type GetToken } from "./accessTokens.js";
import { ApiError, toApiError } from "./apiError.js";
import { type Job, type Transcript, fromApi, isTerminal } from "./job.js";
import type { SocketAccess } from "./liveSocket.js";
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
  /** Tells speakers apart: `true`, or how many there are (`2`, `2-5`). */
  speakers?: string;
  /** The address of the recording: the API fetches it, and nothing is uploaded. */
  url?: string;
};

export type NewJob = TranscriptionOptions & { jobId: string; userId?: string; filename?: string; sizeBytes?: number };

/**
 * `upload` is null when the API has the audio already: a second request for one job changes nothing. `subject` is the
 * user of the token that the request had.
 */
export type AcceptedJob = {
  jobId: string;
  websocketUrl: string;
  upload: UploadTarget | null;
  subject: string | undefined;
};

export type JobAndResult = { job: Job; result: Transcript | null; upload: UploadTarget | null };

export type ClientOptions = {
  /** The language of error messages, `en` or `es`; a function where it may change. Default: the browser's. */
  language?: string | (() => string | undefined);
  /** After how many milliseconds a request without an answer fails (for uploads see `upload`). Default 30 s. */
  timeoutMs?: number;
  /** For an API that asks for access keys: how the page gets a token from your server, which holds a key. */
  getToken?: GetToken;
  /** The user whose a job is, in a page with jobs of several users. */
  subjectOf?: (jobId: string) => string | undefined;
};

type Body = Record<string, unknown>;
type RequestOptions = { signal?: AbortSignal | undefined; body?: object; timeoutMs?: number };
type Answer = { response: Response; answer: unknown; token: AccessToken | null };

/** How long the API holds a request open until a job ends: seconds. */
const WAIT = 25;

/** @param apiUrl where the API is, with or without a slash at its end */
export const createClient = (apiUrl: string, options: ClientOptions = {}): EscribaClient =>
  new EscribaClient(apiUrl, options);

export class EscribaClient {
  readonly #base: URL;
  readonly #language: () => string | undefined;
  readonly #timeoutMs: number;
  readonly #tokens: AccessTokens;
  readonly #subjectOf: (jobId: string) => string | undefined;

  constructor(apiUrl: string, options: ClientOptions = {}) {
    const { language, timeoutMs = 30_000, getToken, subjectOf = () => undefined } = options;
    this.#base = new URL(apiUrl.replace(/\/*$/, "/"), globalThis.location?.href);
    this.#language = typeof language === "function" ? language : () => language;
    this.#timeoutMs = timeoutMs;
    this.#tokens = new AccessTokens(getToken);
    this.#subjectOf = subjectOf;
  }

  /** Creates a job; send its audio to `upload` next. The same `jobId` again is the same job. */
  async createJob(job: NewJob, signal?: AbortSignal): Promise<AcceptedJob> {
    const { jobId } = job;
    const url = new URL("transcribe-job", this.#base);
    const { body, token } = await this.#request("POST", url, jobId, { signal, body: job });
    const { websocketUrl } = body;
    return {
      jobId,
      subject: token?.subject,
      websocketUrl:
        typeof websocketUrl === "string" ? toSocketUrl(new URL(websocketUrl, this.#base)) : this.websocketUrl(jobId),
      upload: this.#uploadTarget(body),
    };
  }

  upload(target: UploadTarget, file: Blob, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<void> {
    return upload(target, file, onProgress, signal, this.#language());
  }

  async getJob(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("GET", this.#jobUrl(jobId), jobId, { signal }));
  }

  /** Resolves when the job has ended, in whichever status. The API holds each request open meanwhile. */
  async waitForEnd(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    const url = this.#jobUrl(jobId);
    url.searchParams.set("wait", String(WAIT));
    const timeoutMs = this.#timeoutMs + WAIT * 1000;
    for (;;) {
      const answer = this.#jobAndResult(await this.#request("GET", url, jobId, { signal, timeoutMs }));
      if (isTerminal(answer.job.status)) return answer;
    }
  }

  /** Ends the job in whichever status it is. The API then deletes its audio and text. */
  async cancel(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("DELETE", this.#jobUrl(jobId), jobId, { signal }));
  }

  /** Starts the next run of a failed or cancelled job. `upload` is set when the API has no longer its audio. */
  async retry(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
    return this.#jobAndResult(await this.#request("POST", this.#jobUrl(jobId, "/retry"), jobId, { signal }));
  }

  /** The API sends the job's snapshot to Convex once more: for a row that did not exist the first time. */
  async redeliver(jobId: string, signal?: AbortSignal): Promise<void> {
    await this.#request("POST", this.#jobUrl(jobId, "/redeliver"), jobId, { signal });
  }

  /** The address of a job's live events, for a job that another client created. */
  websocketUrl(jobId: string): string {
    return toSocketUrl(new URL(`ws/transcription/${encodeURIComponent(jobId)}`, this.#base));
  }

  /** The token for a job's live events; `refused` is the one that the API has refused, null where it had none. */
  readonly socketAccess =
    (jobId: string): SocketAccess =>
    (refused) =>
      refused === undefined
        ? this.#tokens.get(this.#subjectOf(jobId))
        : this.#tokens.replace(this.#subjectOf(jobId), refused);

  /** A job is no longer this page's, as after its user has signed out: the page drops the user's token. */
  forgetToken(jobId: string): void {
    this.#tokens.forget(this.#subjectOf(jobId));
  }

  #jobUrl(jobId: string, action = ""): URL {
    return new URL(`job/${encodeURIComponent(jobId)}${action}`, this.#base);
  }

  #jobAndResult({ body }: { body: Body }): JobAndResult {
    return { ...fromApi(body), upload: this.#uploadTarget(body) };
  }

  #uploadTarget({ upload }: Body): UploadTarget | null {
    if (!upload) return null;
    const { url, fields, directUrl } = upload as UploadTarget;
    const target = { url: new URL(url, this.#base).href, fields: fields ?? {} };
    return directUrl ? { ...target, directUrl } : target;
  }

  /** Repeats a request once with another token, where the API refuses the one that it had. */
  async #request(method: string, url: URL, jobId: string, options: RequestOptions) {
    const words = sentences(this.#language());
    const subject = this.#subjectOf(jobId);
    let sent = await this.#send(method, url, await this.#tokens.get(subject), options);
    if (sent.response.status === 401) {
      const other = await this.#tokens.replace(subject, sent.token);
      if (other) sent = await this.#send(method, url, other, options);
    }
    const { response, answer, token } = sent;
    if (!response.ok) throw toApiError(response, answer, words.answered(response.status));
    if (typeof answer !== "object" || answer === null) throw new ApiError(502, "unreadable", words.unreadable);
    return { body: answer as Body, token };
  }

  async #send(method: string, url: URL, token: AccessToken | null, options: RequestOptions): Promise<Answer> {
    const { signal, body, timeoutMs = this.#timeoutMs } = options;
    const words = sentences(this.#language());
    const init = this.#requestInit(method, token, body);
    return await withTimeout(timeoutMs, signal, async (signal) => {
      const response = await fetch(url, { ...init, signal });
      return { response, answer: parseJson(await response.text()), token };
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (error instanceof TimedOut) throw new ApiError(0, "timeout", words.timeout);
      throw new ApiError(0, "unreachable", `${words.unreachable} (${String(error)})`);
    });
  }

  #requestInit(method: string, token: AccessToken | null, body: object | undefined): RequestInit {
    const language = this.#language();
    // The holder of a token is the user that it is for, and the API refuses another name.
    const sent = body && token ? { ...body, userId: undefined } : body;
    return {
      method,
      cache: "no-cache", // always asks the API; its ETag spares the body of an unchanged job
      headers: {
        accept: "application/json",
        ...(language ? { "accept-language": language } : {}),
        ...(token ? { authorization: `Bearer ${token.token}` } : {}),
        ...(sent ? { "content-type": "application/json" } : {}),
      },
      ...(sent ? { body: JSON.stringify(sent) } : {}),
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
