/**
 * The states of a server with a password, whose page lists recordings in Convex and is replaced by a newer one at the
 * end.
 */
import type { State, Visit } from "./table";

async function enter({ page }: Visit, password: string): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill(password);
  await page.keyboard.press("Enter");
}

async function refusePassword(visit: Visit): Promise<void> {
  await enter(visit, "no es esta");
  await visit.page.locator(".sign-in .problem").waitFor();
}

async function openDevices(visit: Visit): Promise<void> {
  await enter(visit, visit.servers.password);
  await visit.page.locator(".devices[data-state=live]").waitFor();
  await visit.page.locator(".devices summary").click();
  await visit.page.locator(".devices div > button").first().click();
}

async function refuseCode({ page }: Visit): Promise<void> {
  await page.locator(".devices form input").fill("el código de mi móvil");
  await page.locator(".devices form button").click();
  await page.locator(".devices form [role=status]:not(:empty)").waitFor();
}

async function loseConvex({ page, servers }: Visit): Promise<void> {
  servers.loseConvex();
  await page.locator(".devices[data-state=away]").waitFor();
}

/** The page is asked of its service worker from the second time on: only then a newer one is offered. */
async function offerNewer({ page, servers }: Visit): Promise<void> {
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
  { name: "devices", reach: openDevices },
  { name: "devices-code-refused", reach: refuseCode },
  { name: "devices-away", reach: loseConvex },
  { name: "update", reach: offerNewer },
];
