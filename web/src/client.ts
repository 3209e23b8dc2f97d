/** The transcription API's jobs, for any JavaScript: no React, no Convex, nothing kept. */
import { type Job, type Transcript, fromApi } from "./job.js";
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
};

export type NewJob = TranscriptionOptions & { jobId: string; userId?: string; filename?: string; sizeBytes?: number };

/** `upload` is null when the audio has come already: asking twice for one job is harmless. */
export type AcceptedJob = { jobId: string; websocketUrl: string; upload: UploadTarget | null };

export type JobAndResult = { job: Job; result: Transcript | null; upload: UploadTarget | null };

/** An answer that is not a success, in the API's words; status 0 when there was no answer. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    /** Seconds, where the API asked to come back later. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may well succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** The API itself says that it has no such job (any more); a proxy's 404 does not count. */
  get jobIsGone(): boolean {
    return this.code === "job_not_found" || this.code === "job_expired";
  }
}

export type EscribaClient = ReturnType<typeof createClient>;

export type ClientOptions = {
  /** In which language failures are told, `en` or `es`; a function where it may change. Without it, the browser's. */
  language?: string | (() => string | undefined);
  /** After how long a request without an answer is given up (uploads: see `upload`). Default 30 s. */
  timeoutMs?: number;
};

/** How long the API holds a request open for a job to end: seconds. */
const HOLD = 25;

/** @param apiUrl where the API is, with or without a slash at its end */
export function createClient(apiUrl: string, { language, timeoutMs = 30_000 }: ClientOptions = {}) {
  const spoken = () => (typeof language === "function" ? language() : language);
  const base = new URL(apiUrl.replace(/\/*$/, "/"), globalThis.location?.href);
  const jobUrl = (jobId: string) => new URL(`job/${encodeURIComponent(jobId)}`, base);

  async function call(
    method: string,
    url: URL,
    signal?: AbortSignal,
    body?: unknown,
    holdMs = 0,
  ): Promise<Record<string, unknown>> {
    const init: RequestInit = {
      method,
      cache: "no-cache", // ask again, but let an ETag spare the body
      headers: {
        accept: "application/json",
        ...(spoken() ? { "accept-language": spoken() } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const { response, answer } = await withTimeout(timeoutMs + holdMs, signal, async (signal) => {
      const response = await fetch(url, { ...init, signal });
      return { response, answer: parsed(await response.text()) };
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (error instanceof TimedOut) throw new ApiError(0, "timeout", sentences(spoken()).timeout);
      throw new ApiError(0, "unreachable", `${sentences(spoken()).unreachable} (${String(error)})`);
    });
    if (!response.ok) throw asError(response, answer, sentences(spoken()).answered(response.status));
    if (typeof answer !== "object" || answer === null)
      throw new ApiError(502, "unreadable", sentences(spoken()).unreadable);
    return answer as Record<string, unknown>;
  }

  const jobOf = (answer: Record<string, unknown>): JobAndResult => ({ ...fromApi(answer), upload: targetOf(answer) });
  const targetOf = ({ upload }: { upload?: unknown }): UploadTarget | null => {
    if (!upload) return null;
    const { url, fields } = upload as UploadTarget;
    return { url: new URL(url, base).href, fields: fields ?? {} };
  };

  return {
    /** Announces a job; send its audio to `upload` next. The same `jobId` again is the same job. */
    async createJob(job: NewJob, signal?: AbortSignal): Promise<AcceptedJob> {
      const answer = await call("POST", new URL("transcribe-job", base), signal, job);
      const websocketUrl =
        typeof answer.websocketUrl === "string" ? answer.websocketUrl : `ws/transcription/${job.jobId}`;
      return { jobId: job.jobId, websocketUrl: socketUrl(new URL(websocketUrl, base)), upload: targetOf(answer) };
    },

    upload: (target: UploadTarget, file: Blob, onProgress: (fraction: number) => void, signal: AbortSignal) =>
      upload(target, file, onProgress, signal, spoken()),

    async job(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
      return jobOf(await call("GET", jobUrl(jobId), signal));
    },

    /** Resolves when the job has ended, however it did. The API holds each request open meanwhile. */
    async ended(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
      const url = jobUrl(jobId);
      url.searchParams.set("wait", String(HOLD));
      for (;;) {
        const answer = jobOf(await call("GET", url, signal, undefined, HOLD * 1000));
        if (answer.job.completedAt !== null || ["completed", "failed", "cancelled"].includes(answer.job.status))
          return answer;
      }
    },

    /** Ends the job wherever it stands, and has the API remove its audio and text. */
    async cancel(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
      return jobOf(await call("DELETE", jobUrl(jobId), signal));
    },

    /** Runs a failed or cancelled job again. `upload` is set when its audio is no longer kept. */
    async retry(jobId: string, signal?: AbortSignal): Promise<JobAndResult> {
      return jobOf(await call("POST", new URL(`${jobUrl(jobId).href}/retry`), signal));
    },

    /** Has the API tell Convex once more how the job stands: for a row that was not there when it did. */
    async redeliver(jobId: string, signal?: AbortSignal): Promise<void> {
      await call("POST", new URL(`${jobUrl(jobId).href}/redeliver`), signal);
    },

    /** Where live text of a job comes from, when `createJob` was not asked here. */
    websocketUrl: (jobId: string) => socketUrl(new URL(`ws/transcription/${encodeURIComponent(jobId)}`, base)),
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function socketUrl(url: URL): string {
  url.protocol = url.protocol.replace(/^http/, "ws");
  return url.href;
}

function asError({ status, headers }: Response, answer: unknown, otherwise: string): ApiError {
  const error = (answer as { error?: Record<string, unknown> } | null)?.error ?? {};
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const after = Number(error.retryAfter ?? headers.get("retry-after") ?? NaN);
  return new ApiError(
    status,
    text(error.code) ?? `http_${status}`,
    text(error.message) ?? otherwise,
    text(error.hint),
    after >= 0 ? after : null,
  );
}
