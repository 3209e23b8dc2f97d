/** A server is replaced by a newer build while its page is open: the page offers it, and is never interrupted by it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Engine, startEngine } from "./engine";
import { choose, recording, type Server, startServer } from "./environment";
import { killBrowsers, openBrowser } from "./killableBrowser";
import { makeNewerServer, NEWER } from "./newerServer";

let engine: Engine;
let server: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "escriba-update-"));
  engine = await startEngine();
  server = await startServer(engine.settings);
});

afterAll(async () => {
  killBrowsers();
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** Types a letter; whether the page holds a newer one off right after. */
const typeAndLook = (page: Page) =>
  page.evaluate(async () => {
    document.execCommand("insertText", false, "x");
    return ((await navigator.locks.query()).held ?? []).some(({ name }) => name === "escriba-busy");
  });

const isHeld = (page: Page) =>
  page.evaluate(async () => ((await navigator.locks.query()).held ?? []).some(({ name }) => name === "escriba-busy"));

const isSamePage = (page: Page) => page.evaluate(() => "isOld" in globalThis).catch(() => true);

test("a newer page waits for letters that are not stored and for a recording, and takes over on the button", async () => {
  const { context, kill } = await openBrowser(
    inject("chromium"),
    path.join(folder, "profile"),
    recording("spanish-busy.wav"),
  );
  const page = await context.newPage();
  await page.goto(server.url);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.reload();
  await choose(page, recording("spanish-busy.wav"));
  await page.locator(".row-link").click();
  await page.getByRole("button", { name: "Correct", exact: true }).click();
  await page.locator(".para p").first().click();
  await page.locator(".para p[role=textbox]").waitFor();
  await expect.poll(() => isHeld(page)).toBe(false);
  expect(await typeAndLook(page)).toBe(true);
  await expect.poll(() => isHeld(page)).toBe(false); // stored

  await page.goto(`${server.url}/#/record`);
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByRole("button", { name: "Stop, and keep it" }).waitFor();
  await page.evaluate(() => Object.assign(globalThis, { isOld: true }));
  const { port } = new URL(server.url);
  await server.stop();
  server = await startServer({ PORT: port, ...engine.settings }, await makeNewerServer(path.join(folder, "newer")));
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  await page.getByText("A newer version of this page is ready").waitFor();
  await page.getByRole("button", { name: "Use it now" }).click();
  await page.getByText("The newer version waits").waitFor();
  expect(await isSamePage(page)).toBe(true);
  await page.getByRole("button", { name: "Stop, and keep it" }).click();
  await expect.poll(() => isSamePage(page)).toBe(false);
  await page.locator(".kept .card").waitFor(); // what was recorded
  await expect.poll(() => page.evaluate(() => caches.keys())).toEqual([`escriba-shell-/-${NEWER}`]);
  await kill();
});
