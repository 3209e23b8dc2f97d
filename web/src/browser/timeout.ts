/** A time limit for a request: a dead network closes no connection, so the request itself would wait for ever. */

export class TimedOut extends Error {
  override name = "TimedOut";
}

/**
 * Runs `request` with a signal that is aborted with `TimedOut` after `ms`, and with the caller's reason when the
 * caller's `signal` is aborted. (Browsers that are still in use have no `AbortSignal.any`.)
 */
export async function withTimeout<T>(
  ms: number,
  signal: AbortSignal | undefined,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new TimedOut(`There was no answer within ${ms} ms.`)), ms);
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    return await request(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
