/** Text while it is spoken: real pieces of a real recorder, the real server, and a stand-in engine of Groq's speed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { type Server, startServer } from "./environment";
import { killBrowsers, type KillableBrowser, openBrowser } from "./killableBrowser";
import { type LiveEngine, startLiveEngine } from "./liveEngine";
import { makeSpeech } from "./speech";

let engine: LiveEngine;
let server: Server;
let browser: KillableBrowser;
let folder: string;

beforeAll(async () => {
  engine = await startLiveEngine();
  server = await startServer({ GROQ_API_KEY: `gsk_${"t".repeat(40)}`, GROQ_BASE_URL: `${engine.url}/openai/v1` });
  folder = await mkdtemp(path.join(tmpdir(), "escriba-live-"));
  const speech = path.join(folder, "speech.wav");
  await writeFile(speech, await makeSpeech(120));
  browser = await openBrowser(inject("chromium"), path.join(folder, "profile"), speech);
});

afterAll(async () => {
  killBrowsers();
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** The numbers that are on the page, in order. */
const numbersOn = async (page: Page): Promise<number[]> =>
  [...(await page.locator(".record-text").textContent())!.matchAll(/number(\d+)/g)].map(([, number]) => Number(number));

/** Seconds that a recording takes; longer where somebody measures. */
const SECONDS = Number(process.env.LIVE_SECONDS ?? 25);

test("every word appears once and in order while it is spoken, and the whole becomes one job", async () => {
  const page = await browser.context.newPage();
  await page.goto(`${server.url}/#/record`);
  await page.getByLabel("Show the text while I speak").check();
  await page.getByText("costs three times as much").waitFor();
  await page.getByRole("button", { name: "Start recording" }).click();
  const lags = new Map<number, number>();
  let shown: number[] = [];
  while ((shown.at(-1) ?? 0) < SECONDS * 2) {
    await page.waitForTimeout(100);
    shown = await numbersOn(page);
    for (const number of shown) if (!lags.has(number)) lags.set(number, (Date.now() - engine.spokenAt(number)) / 1_000);
  }
  expect(shown).toEqual([...shown.keys()].map((index) => index + shown[0]!));
  expect(shown[0]).toBe(0);
  // The first piece is as long as all others, so its first words wait for all of it.
  const later = [...lags].filter(([number]) => number >= 20).map(([, lag]) => lag);
  console.info(`Words appeared ${Math.max(...later).toFixed(1)} s or less after they were spoken.`);
  expect(await findProblems(page)).toEqual([]);
  await page.getByRole("button", { name: "Stop, and make it text" }).click();
  await page.locator(".row").waitFor({ timeout: 60_000 });
  expect(await page.locator(".row").count()).toBe(1);
});
