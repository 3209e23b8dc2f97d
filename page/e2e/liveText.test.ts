/** Text while it is spoken: real pieces of a real recorder, the real server, and a stand-in engine of Groq's speed. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { type Server, startServer } from "./environment";
import { killBrowsers, type KillableBrowser, openBrowser } from "./killableBrowser";
import { numbersIn, settingsOf, type SpokenNumbers, startSpokenNumbers } from "./spokenNumbers";

/** Seconds that a recording takes; longer where somebody measures. */
const SECONDS = Number(process.env.LIVE_SECONDS ?? 25);

let engine: SpokenNumbers;
let server: Server;
let browser: KillableBrowser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "escriba-live-"));
  const speech = path.join(folder, "speech.wav");
  engine = await startSpokenNumbers(SECONDS + 60, speech);
  server = await startServer(settingsOf(engine));
  browser = await openBrowser(inject("chromium"), path.join(folder, "profile"), speech);
});

afterAll(async () => {
  killBrowsers();
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** The numbers of the job's text: those that the engine hears in the recording as a whole. */
async function numbersOfJob(page: Page): Promise<number[]> {
  const jobId = await page.locator("[data-job]").first().getAttribute("data-job");
  return numbersIn(await (await fetch(`${server.url}/job/${jobId}/transcript?format=txt`)).text());
}

test("while it is spoken every word of the whole appears, once and in order, and the whole becomes one job", async () => {
  const page = await browser.context.newPage();
  await page.goto(`${server.url}/#/record`);
  await page.getByLabel("Show the text while I speak").check();
  await page.getByText("costs three times as much").waitFor();
  const begin = Date.now();
  await page.getByRole("button", { name: "Start recording" }).click();
  const box = page.locator(".record-text");
  const lags = new Map<number, number>();
  let shown: number[] = [];
  while (engine.ends[shown.at(-1) ?? 0]! < SECONDS - 3) {
    await page.waitForTimeout(100);
    shown = numbersIn((await box.textContent())!);
    for (const number of shown)
      if (!lags.has(number)) lags.set(number, (Date.now() - begin) / 1_000 - engine.ends[number]!);
  }
  // The first piece is as long as all others, so its first words wait for all of it.
  const later = [...lags].filter(([number]) => engine.ends[number]! > 10).map(([, lag]) => lag);
  console.info(`${later.length} words appeared ${Math.max(...later).toFixed(1)} s or less after they were spoken.`);
  expect(await findProblems(page)).toEqual([]);
  await page.getByRole("button", { name: "Stop, and make it text" }).click();
  await page.locator(".row").waitFor();
  expect(await page.locator(".row").count()).toBe(1);
  // The last words on the page were still open: only half of them may have been heard.
  const certain = new Set(shown.slice(0, -2));
  expect([...certain]).toEqual(shown.slice(0, -2)); // each once
  expect([...certain]).toEqual([...certain].sort((one, other) => one - other));
  expect(certain.size).toBeGreaterThan(0.9 * engine.ends.filter((end) => end < SECONDS - 3).length);
  // A busy machine may spoil a word of the sound itself: of the whole's words one in a hundred may be missing, none of few.
  const whole = (await numbersOfJob(page)).filter((number) => number <= shown.at(-3)!);
  const missing = whole.filter((number) => !certain.has(number));
  expect(missing.length, `missing: ${missing.join(", ")}`).toBeLessThanOrEqual(0.01 * whole.length);
  expect(whole.length).toBeGreaterThan(0.9 * certain.size);
});
