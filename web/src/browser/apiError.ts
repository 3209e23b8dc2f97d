/** Failures of requests to the API. */

/** An answer that is not a success, in the API's words. `status` is 0 when there was no answer. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    /** Seconds, where the API said when to come back. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Whether the API itself says that it has no such job (any more). A proxy's 404 has no such code. */
  get isJobGone(): boolean {
    return this.code === "job_not_found" || this.code === "job_expired";
  }
}

/** Reads the API's error form; `fallback` is the message where the answer has another form. */
export function toApiError({ status, headers }: Response, body: unknown, fallback: string): ApiError {
  const error = (body as { error?: Record<string, unknown> } | null)?.error ?? {};
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const retryAfter = Number(error.retryAfter ?? headers.get("retry-after") ?? NaN);
  return new ApiError(
    status,
    text(error.code) ?? `http_${status}`,
    text(error.message) ?? fallback,
    text(error.hint),
    retryAfter >= 0 ? retryAfter : null,
  );
}
