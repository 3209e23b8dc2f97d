/** The states that a server or a browser makes: keys, a spent quota, a full store, no answer. */
import { choose, recording } from "../environment";
import { makeSpeech } from "../speech";
import type { State, Visit } from "./table";

async function refuseKey({ page }: Visit): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill("esc_wrong");
  await page.keyboard.press("Enter");
  await page.locator(".sign-in .problem").waitFor();
}

/** The engine takes one request a day: the second recording waits until tomorrow. */
async function wait({ page, servers }: Visit): Promise<void> {
  await page.locator(".sign-in input[type=password]").fill(servers.key);
  await page.keyboard.press("Enter");
  await choose(page, recording("english.flac"));
  await page.locator(".row").waitFor();
  await choose(page, recording("spanish-queue.wav"));
  await page.locator('[data-phase="waiting"]').waitFor();
  await page.locator(".toast").waitFor({ state: "detached" });
}

/** This server takes one MB, and one minute. */
async function refuseLarge({ page }: Visit): Promise<void> {
  const files = [
    { name: "Pleno del ayuntamiento, segunda parte.wav", buffer: await makeSpeech(70) },
    { name: "Entrevista con Nadia Öztürk.wav", buffer: await makeSpeech(61) },
  ];
  await page.locator(".drop input[type=file]").setInputFiles(files.map((file) => ({ ...file, mimeType: "audio/wav" })));
  await page.locator(".drop .problem p:nth-of-type(3)").waitFor();
}

export const strictStates: readonly State[] = [
  { name: "sign-in", reach: ({ page }) => page.locator(".sign-in").waitFor() },
  { name: "sign-in-refused", reach: refuseKey },
  { name: "waiting", reach: wait },
  { name: "too-large", reach: refuseLarge },
];

async function fillStore({ page, cdp, servers }: Visit): Promise<void> {
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: servers.open, quotaSize: 1 });
  await choose(page, recording("english.flac"));
  await page.locator(".notice.bad").waitFor();
}

/** The requests do not reach the server. */
async function loseServer({ page, cdp, servers }: Visit): Promise<void> {
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: servers.open });
  await page.route("**/limits", (route) => route.abort("connectionrefused"));
  await page.reload();
  await page.locator(".notice").waitFor();
}

export const serverStates: readonly State[] = [
  { name: "store-full", reach: fillStore },
  { name: "server-away", reach: loseServer },
];
