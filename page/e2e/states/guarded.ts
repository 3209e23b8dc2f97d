/** The states of a server with a password, whose page is replaced by a newer one at the end. */
import type { State, Visit } from "./table";

async function enter({ page }: Visit, password: string): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill(password);
  await page.keyboard.press("Enter");
}

async function refusePassword(visit: Visit): Promise<void> {
  await enter(visit, "no es esta");
  await visit.page.locator(".sign-in .problem").waitFor();
}

/** The page is asked of its service worker from the second time on: only then a newer one is offered. */
async function offerNewer(visit: Visit): Promise<void> {
  const { page, servers } = visit;
  await enter(visit, servers.password);
  await page.locator(".drop").waitFor();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.reload();
  await page.locator(".drop").waitFor();
  await servers.replace();
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  await page.locator(".toast").waitFor();
}

export const guardedStates: readonly State[] = [
  { name: "password", reach: ({ page }) => page.locator(".sign-in").waitFor() },
  { name: "password-refused", reach: refusePassword },
  { name: "update", reach: offerNewer },
];
