/** The heartbeat of an upload: a page that uploads writes the time again and again, so that other tabs know of it. */

/** Milliseconds. */
const INTERVAL = 5_000;
/** A page whose heartbeat is older is closed, or has crashed. */
const LIFETIME = 3 * INTERVAL;

/** Whether the page that wrote `sendingAt` may still upload. */
export const isAlive = (sendingAt: number): boolean => sendingAt > Date.now() - LIFETIME;

/** Writes the time now and at each interval, and 0 when the page is closed. Returns how to stop. */
export function startHeartbeat(write: (sendingAt: number) => void): () => void {
  const beat = () => write(Date.now());
  const end = () => write(0);
  beat();
  const timer = setInterval(beat, INTERVAL);
  if (typeof addEventListener !== "undefined") addEventListener("pagehide", end);
  return () => {
    clearInterval(timer);
    if (typeof removeEventListener !== "undefined") removeEventListener("pagehide", end);
  };
}

/** Calls back when another page's heartbeat has expired: a page that crashed writes no 0. */
export class HeartbeatWatch {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onExpired: () => void) {}

  watch(sendingAt: number): void {
    this.stop();
    this.#timer = setTimeout(this.onExpired, sendingAt + LIFETIME - Date.now());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
