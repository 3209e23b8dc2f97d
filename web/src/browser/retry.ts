/** Repeats a request to the API that may succeed later. */
import { ApiError } from "./apiError.js";

const ATTEMPTS = 4;
/** Milliseconds. */
const LONGEST_PAUSE = 30_000;

/** Repeats `attempt` where a later one may succeed, for about as long as a person waits. */
export async function withRetries<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError && error.isRetryable) || attempts === ATTEMPTS) throw error;
      const pause = error.retryAfter === null ? 500 * 2 ** attempts : error.retryAfter * 1000;
      await sleep(Math.min(pause, LONGEST_PAUSE), signal);
    }
  }
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", abort), resolve()), ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
