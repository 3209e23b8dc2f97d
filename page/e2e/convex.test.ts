/**
 * A server whose page lists recordings in Convex: what one browser sends, the other browsers of the same person have too,
 * as it was corrected, and nobody else has.
 */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startLocalConvex } from "../../web/dev/local-convex.mjs";
import { findProblems } from "./axe";
import { replaceWord } from "./correct";
import { type Engine, startEngine } from "./engine";
import {
  choose,
  closePages,
  type Opened,
  openPage,
  recording,
  type Server,
  sharedBrowser,
  startServer,
} from "./environment";

const KEY = "a-key-for-tests";
const HOSTILE = `<img src=x onerror=alert(1)>\u202e${"ñ".repeat(3_000)}.wav`;

let convex: Awaited<ReturnType<typeof startLocalConvex>>;
let engine: Engine;
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
const opened: Opened[] = [];

beforeAll(async () => {
  process.env.ESCRIBA_API_KEY = KEY;
  convex = await startLocalConvex({ crons: false, log: () => {} });
  engine = await startEngine();
  const settings = { CONVEX_SITE_URL: convex.siteUrl, CONVEX_API_KEY: KEY, CONVEX_PAGE_URL: convex.url };
  server = await startServer({ ...settings, ...engine.settings });
  browser = await sharedBrowser();
});

afterEach(async () => {
  convex.faults.clear();
  const all = opened.splice(0);
  await Promise.all(all.map(({ page }) => page.context().close()));
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
  engine.close();
  await convex.close();
});

/** A browser that has reached the list. */
async function openBrowser(): Promise<Page> {
  const one = await openPage(browser, server.url);
  opened.push(one);
  one.page.on("dialog", () => one.problems.push("a script of a text ran"));
  await stateOf(one.page, "live");
  return one.page;
}

const stateOf = (page: Page, state: string) => page.locator(`.devices[data-state=${state}]`).waitFor();

const openDevices = (page: Page) => page.locator(".devices summary").click();

async function readCode(page: Page): Promise<string> {
  await openDevices(page);
  await page.getByRole("button", { name: "Show" }).click();
  const code = page.getByLabel("Code of this browser");
  await expect.poll(() => code.inputValue()).not.toBe("");
  return code.inputValue();
}

async function useCode(page: Page, code: string): Promise<void> {
  await openDevices(page);
  await page.getByLabel("Code of another device").fill(code);
  await page.getByRole("button", { name: "Use" }).click();
}

const rows = (page: Page) => page.locator(".rows a.row-link");

const clip = async (name: string) => ({
  name,
  mimeType: "audio/wav",
  buffer: await readFile(recording("english-short.wav")),
});

/** The row of a job with its transcript. */
async function readRow(jobId: string) {
  const find = async (table: string) =>
    ((await convex.backend.table(table)) as Array<{ jobId: string }>).find((row) => row.jobId === jobId);
  return { ...(await find("escriba/transcripts")), ...(await find("escriba/jobs")) } as {
    status?: string;
    resultJson?: string;
  };
}

const rowText = async (jobId: string) => (JSON.parse((await readRow(jobId)).resultJson!) as { text: string }).text;

test("two browsers of one person have one list, live and corrected; another person's has nothing of it", async () => {
  const first = await openBrowser();
  const second = await openBrowser();
  const stranger = await openBrowser();
  await useCode(second, "0".repeat(113));
  await second.getByText("This is no such code").waitFor();
  await second.locator(".devices summary").click();
  await useCode(second, await readCode(first));
  await second.getByText("This browser now lists").waitFor();
  expect(await findProblems(second)).toEqual([]);

  await choose(first, await clip(HOSTILE));
  await rows(second).waitFor();
  await expect.poll(() => rows(first).count()).toBe(1);
  await expect.poll(() => rows(second).textContent()).toContain("<img src=x onerror=alert(1)>");
  expect(await second.locator(".rows img").count()).toBe(0);

  await rows(second).click();
  const jobId = second.url().split("/").at(-1)!;
  await second.getByRole("button", { name: "Choose the recording to hear it" }).waitFor();
  await replaceWord(second, 0, "Öztürk");
  await expect.poll(() => rowText(jobId)).toMatch(/^Öztürk /);
  await expect.poll(() => rows(first).locator(".excerpt").textContent()).toMatch(/^Öztürk /);
  expect(await rows(first).count()).toBe(1);
  expect(await rows(stranger).count()).toBe(0);

  await second.getByRole("link", { name: "All texts" }).click();
  await first.getByRole("button", { name: /^Delete/ }).click();
  await expect.poll(() => rows(second).count()).toBe(0);
  await expect.poll(() => readRow(jobId)).toEqual({});
});

test("with Convex away the browser has its own history and says so; what it sends meanwhile is listed later", async () => {
  const page = await openBrowser();
  const other = await openBrowser();
  await useCode(other, await readCode(page));
  convex.faults.add({ status: "away" });
  await choose(page, await clip("away.wav"));
  await rows(page).waitFor();
  await stateOf(page, "away");
  await expect.poll(() => page.locator(".devices").textContent()).toContain("what this browser has is here");
  expect(await rows(other).count()).toBe(0);
  convex.faults.clear();
  await stateOf(page, "live");
  await expect.poll(() => rows(other).count()).toBe(1);
  await rows(other).click();
  await other.locator(".para p").first().waitFor();
});
