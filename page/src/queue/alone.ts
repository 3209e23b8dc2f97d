/** One sender for each recording: of several tabs and the service worker, the one that holds its lock. */

const lockName = (jobId: string): string => `escriba-send-${jobId}`;

/** Runs `work` when no other tab is at it. Without locks (no HTTPS) it runs at once: to send twice changes nothing. */
export async function alone(jobId: string, work: () => Promise<void>): Promise<void> {
  if (!navigator.locks) return work();
  await navigator.locks.request(lockName(jobId), work);
}

/** Runs `work` only where nobody is at it. */
export async function aloneOrNot(jobId: string, work: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(jobId), { ifAvailable: true }, async (lock) => {
    if (lock) await work();
  });
}
