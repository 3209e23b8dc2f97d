/** What went wrong between this page and the service, in words for a person. */
import { ApiError } from "./apiError.js";
import { sentences } from "./sentences.js";
import { UploadError } from "./upload.js";

/** `retryable`: `retry` may help. */
export type Problem = { code: string; message: string; hint: string | null; retryable: boolean };

export function toProblem(error: unknown, language?: string): Problem {
  if (error instanceof ApiError || error instanceof UploadError)
    return { code: error.code, message: error.message, hint: error.hint, retryable: error.isRetryable };
  const message = `${sentences(language).unexpected} (${String(error)})`;
  return { code: "unexpected", message, hint: null, retryable: true };
}
