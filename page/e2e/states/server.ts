/** The states that a server or a browser makes: keys, a spent quota, a full store, no answer, no microphone. */
import { choose, recording } from "../environment";
import type { State, Visit } from "./table";

const ENOUGH = { timeout: 240_000 };

async function refuseKey({ page }: Visit): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill("esc_wrong");
  await page.keyboard.press("Enter");
  await page.locator(".sign-in .problem").waitFor();
}

/** The engine takes one request a day: the second recording waits until tomorrow. */
async function wait({ page, servers }: Visit): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill(servers.key);
  await page.keyboard.press("Enter");
  await choose(page, recording("english-short.wav"), recording("spanish-queue.wav"));
  await page.locator('[data-phase="waiting"]').waitFor(ENOUGH);
  await page.locator(".toast").waitFor({ state: "detached" });
}

export const strictStates: readonly State[] = [
  { name: "sign-in", reach: ({ page }) => page.locator(".sign-in").waitFor() },
  { name: "sign-in-refused", reach: refuseKey },
  { name: "waiting", reach: wait },
];

async function fillStore({ page, cdp, servers }: Visit): Promise<void> {
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: servers.open, quotaSize: 1 });
  await choose(page, recording("spanish-queue.wav"));
  await page.locator(".notice.bad").waitFor(ENOUGH);
}

/** The requests do not reach the server. */
async function loseServer({ page, cdp, servers }: Visit): Promise<void> {
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: servers.open });
  await page.route("**/limits", (route) => route.abort("connectionrefused"));
  await page.reload();
  await page.locator(".notice").waitFor(ENOUGH);
}

export const serverStates: readonly State[] = [
  { name: "store-full", reach: fillStore },
  { name: "server-away", reach: loseServer },
];

async function openRecorder({ page, servers }: Visit): Promise<void> {
  await page.goto(`${servers.open}/#/record`);
  await page.locator(".record .main").waitFor();
}

/** This browser has no microphone. */
async function refuseMicrophone({ page }: Visit): Promise<void> {
  await page.locator(".record .main").click();
  await page.locator(".record .problem").waitFor();
}

export const refusedStates: readonly State[] = [
  { name: "recorder", reach: openRecorder },
  { name: "recorder-refused", reach: refuseMicrophone },
];
