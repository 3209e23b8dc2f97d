/**
 * Three minutes of speech in a browser without a network, which is killed after two: what is kept becomes text, the third
 * minute is a recording of its own. Prints the seconds that are lost and the words that are wrong.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Server, startServer } from "../environment";
import { killBrowsers, type KillableBrowser, openBrowser } from "../killableBrowser";
import { makeLongSpeech, percentWrong } from "../longSpeech";

/** Until the browser is killed, and after it. */
const SECONDS = [120, 60] as const;
let server: Server;
let folder: string;
let truth: string;

beforeAll(async () => {
  server = await startServer();
  folder = await mkdtemp(path.join(tmpdir(), "escriba-long-"));
  truth = await makeLongSpeech("en", SECONDS[0] + 30, path.join(folder, "speech.wav"));
});

afterAll(async () => {
  killBrowsers();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const open = (): Promise<KillableBrowser> =>
  openBrowser(inject("chromium"), path.join(folder, "profile"), path.join(folder, "speech.wav"));

const secondsShown = async (page: Page): Promise<number> => {
  const [minutes, seconds] = (await page.locator(".clock").textContent())!.split(":");
  return Number(minutes) * 60 + Number(seconds);
};

async function recordUntil(page: Page, seconds: number): Promise<number> {
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(seconds);
  return secondsShown(page);
}

async function report(jobId: string, recorded: number): Promise<{ lost: number; wrong: number }> {
  const job = await (await fetch(`${server.url}/job/${jobId}`)).json();
  const { text, duration } = job.result as { text: string; duration: number };
  const wrong = await percentWrong({ truth, text, isCutOff: true });
  const said = `${recorded} s recorded, ${duration.toFixed(1)} s in the text, ${wrong.toFixed(1)} % of its words wrong`;
  console.info(said);
  return { lost: recorded - duration, wrong };
}

const jobsOn = (page: Page): Promise<string[]> =>
  page.locator(".row").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-job")!));

test("three minutes without a network, killed after two: the last seconds are lost and no more", async () => {
  const first = await open();
  const page = await first.context.newPage();
  await page.goto(`${server.url}/#/record`);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await first.context.setOffline(true);
  const recorded = await recordUntil(page, SECONDS[0]);
  await first.kill();

  const second = await open();
  await second.context.setOffline(true);
  const again = await second.context.newPage();
  await again.goto(`${server.url}/#/record`); // from the service worker
  await again.locator(".kept .card").getByRole("button", { name: "Make it text" }).click();
  const recordedAgain = await recordUntil(again, SECONDS[1]);
  await again.getByRole("button", { name: "Stop, and make it text" }).click();
  await expect.poll(() => again.locator(".card[data-phase=waitsForNetwork]").count()).toBe(2);
  await second.context.setOffline(false);
  await expect.poll(async () => (await jobsOn(again)).length).toBe(2);

  const [newest, oldest] = (await jobsOn(again)) as [string, string];
  const kept = await report(oldest, recorded);
  const rest = await report(newest, recordedAgain);
  expect(kept.lost).toBeLessThan(5);
  expect(rest.lost).toBeLessThan(2);
  expect(Math.max(kept.wrong, rest.wrong)).toBeLessThan(20);
  await second.kill();
});
