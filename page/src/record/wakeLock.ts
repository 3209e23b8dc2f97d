/** Keeps the screen on while something is recorded: a phone that locks may stop the page. */

/** Returns how to let the screen go. A browser takes the lock away whenever the page is out of sight. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let isWanted = true;
  const ask = async () => {
    if (!isWanted || document.visibilityState !== "visible") return;
    // Refused with a low battery, say: the recording goes on without.
    lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    if (!isWanted) void lock?.release();
  };
  const onVisible = () => void ask();
  document.addEventListener("visibilitychange", onVisible);
  void ask();
  return () => {
    isWanted = false;
    document.removeEventListener("visibilitychange", onVisible);
    void lock?.release();
  };
}
