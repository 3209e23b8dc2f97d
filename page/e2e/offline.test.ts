/** Without a network, in a real Chromium whose profile outlives it: what waits is sent, and the page opens. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { type Engine, startEngine } from "./engine";
import { choose, recording, type Server, startServer } from "./environment";
import { type KillableBrowser, openBrowser } from "./killableBrowser";
import { share } from "./share";
import { makeSpeech } from "./speech";

let engine: Engine;
let server: Server;
let folder: string;

beforeAll(async () => {
  engine = await startEngine();
  server = await startServer(engine.settings);
  folder = await mkdtemp(path.join(tmpdir(), "escriba-offline-"));
  await writeFile(path.join(folder, "speech.wav"), await makeSpeech(3));
});

afterAll(async () => {
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (profile: string): Promise<KillableBrowser> =>
  openBrowser(inject("chromium"), path.join(folder, profile), path.join(folder, "speech.wav"));

async function openPage({ context }: KillableBrowser): Promise<Page> {
  const page = await context.newPage();
  await page.goto(server.url);
  await page.locator(".drop").waitFor();
  return page;
}

const jobOf = async (page: Page) => (await page.locator("[data-job]").getAttribute("data-job"))!;

test("a recording that is dropped without a network is sent after the browser was killed and started again", async () => {
  const first = await open("dropped");
  const page = await openPage(first);
  await first.context.setOffline(true);
  await choose(page, recording("spanish-busy.wav"));
  const card = page.locator(".card[data-phase=waitsForNetwork]");
  await card.waitFor();
  await page.getByText("It is kept in this browser and is sent by itself").waitFor();
  expect(await findProblems(page)).toEqual([]);
  const jobId = await jobOf(page);
  expect((await fetch(`${server.url}/job/${jobId}`)).status).toBe(404);
  await first.kill();

  const second = await open("dropped");
  const again = await openPage(second);
  await again.locator(".row").waitFor();
  expect(await jobOf(again)).toBe(jobId);
  await second.kill();
});

test("a recording is sent by one of two tabs when the network is back, without a hand", async () => {
  const browser = await open("tabs");
  const pages = [await openPage(browser), await openPage(browser)];
  const posts: string[] = [];
  for (const page of pages) page.on("request", (request) => request.method() === "POST" && posts.push(request.url()));
  await browser.context.setOffline(true);
  await choose(pages[0]!, recording("spanish-busy.wav"));
  await pages[0]!.locator(".card[data-phase=waitsForNetwork]").waitFor();
  posts.length = 0;
  await browser.context.setOffline(false);
  await Promise.all(pages.map((page) => page.locator(".row").waitFor()));
  expect(await jobOf(pages[1]!)).toBe(await jobOf(pages[0]!));
  expect(posts.filter((url) => url.endsWith("/audio"))).toHaveLength(1);
  await browser.kill();
});

test("the page opens without a network after one visit, and what is then dropped is sent by itself", async () => {
  const browser = await open("visited");
  const first = await openPage(browser);
  await first.evaluate(async () => void (await navigator.serviceWorker.ready));
  await first.close();
  const page = await browser.context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => /Content Security/.test(message.text()) && problems.push(message.text()));
  await browser.context.setOffline(true);
  await page.goto(server.url);
  await choose(page, recording("spanish-busy.wav"));
  await page.locator(".card[data-phase=waitsForNetwork]").waitFor();
  const kept = await page.evaluate(async () => {
    const names = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return names.flat().map(({ url }) => new URL(url).pathname);
  });
  expect(kept.every((name) => name === "/" || name.startsWith("/page/"))).toBe(true); // no answer of the API
  await browser.context.setOffline(false);
  await page.locator(".row").waitFor();
  expect(problems).toEqual([]);
  await browser.kill();
});

/** The id that the browser gives to the worker of this page's host. */
async function registrationOf(devtools: CDPSession): Promise<string> {
  const found = new Promise<string>((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const own = registrations.find(({ scopeURL }) => scopeURL === `${server.url}/`);
      if (own) resolve(own.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  return found;
}

test("the worker sends what waits when the browser wakes it, with no page open", async () => {
  const browser = await open("woken");
  const page = await openPage(browser);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await browser.context.setOffline(true);
  await choose(page, recording("spanish-queue.wav"));
  await page.locator(".card[data-phase=waitsForNetwork]").waitFor();
  const jobId = await jobOf(page);
  await page.close();
  await browser.context.setOffline(false);
  const status = async () => (await fetch(`${server.url}/job/${jobId}`)).status;
  expect(await status()).toBe(404);
  const other = await browser.context.newPage(); // no page of ours, and on no page of the worker
  const devtools = await browser.context.newCDPSession(other);
  const registrationId = await registrationOf(devtools);
  // The browser fires it when there is a network again: https://wicg.github.io/background-sync/spec/
  const event = { origin: server.url, registrationId, tag: "send", lastChance: false };
  await devtools.send("ServiceWorker.dispatchSyncEvent", event);
  await expect.poll(status).toBe(200);
  const again = await openPage(browser);
  await again.locator(".row").waitFor();
  expect(await jobOf(again)).toBe(jobId);
  await browser.kill();
});

test("what another app shares is kept without a network, and sent like a chosen file", async () => {
  const browser = await open("shared");
  const page = await openPage(browser);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.reload(); // a first visit is not the worker's
  await browser.context.setOffline(true);
  await share(page, recording("spanish-busy.wav"), path.join(folder, "speech.wav"));
  const cards = page.locator(".card[data-phase=waitsForNetwork]");
  await expect.poll(() => cards.count()).toBe(2);
  await browser.context.setOffline(false);
  await expect.poll(() => page.locator(".row").count()).toBe(2);
  await share(page);
  await page.getByText("The shared recording was not taken").waitFor();
  expect(page.url()).toBe(`${server.url}/`);
  await browser.kill();
});
