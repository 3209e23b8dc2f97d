/** Asks the browser to wake the service worker when there is a network, even when no page is open. */

/** https://wicg.github.io/background-sync/spec/; only Chromium has it. */
type WithSync = { sync?: { register(tag: string): Promise<void> } };

export async function askForSync(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  await (registration as WithSync | undefined)?.sync?.register("send").catch(() => {}); // the page sends it itself
}
