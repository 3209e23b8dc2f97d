/** Waiting, and trying again. */
import { ApiError } from "./client.js";

const ATTEMPTS = 4;
const LONGEST_PAUSE = 30_000;

/** Tries again where that may help, for as long as a person would wait. */
export async function withRetries<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError && error.passing) || tried === ATTEMPTS) throw error;
      const wished = error.retryAfter === null ? 500 * 2 ** tried : error.retryAfter * 1000;
      await pause(Math.min(wished, LONGEST_PAUSE), signal);
    }
  }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", abort), resolve()), ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
