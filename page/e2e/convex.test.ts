/**
 * A server whose page lists recordings in Convex: what one browser sends, the other browsers of the same person have too,
 * as it was corrected, and nobody else has.
 */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startLocalConvex } from "../../web/dev/local-convex.mjs";
import { findProblems } from "./axe";
import { setHidden, timeOfFirstRow, watchTraffic } from "./convexTraffic";
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
import { press } from "./focus";

const KEY = "a-key-for-tests";
const PASSWORD = "la señora Muñoz canta";
const HOSTILE = `<img src=x onerror=alert(1)>\u202e${"ñ".repeat(3_000)}.wav`;

let convex: Awaited<ReturnType<typeof startLocalConvex>>;
let engine: Engine;
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
const opened: Opened[] = [];
const traffics = new Map<Page, ReturnType<typeof watchTraffic>>();

const settings = () => ({
  ...{ CONVEX_SITE_URL: convex.siteUrl, CONVEX_API_KEY: KEY, CONVEX_PAGE_URL: convex.url },
  ...engine.settings,
});

beforeAll(async () => {
  process.env.ESCRIBA_API_KEY = KEY;
  convex = await startLocalConvex({ crons: false, log: () => {} });
  engine = await startEngine();
  server = await startServer(settings());
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

async function openAt(url: string): Promise<Page> {
  const one = await openPage(browser, "about:blank");
  opened.push(one);
  one.page.on("dialog", () => one.problems.push("a script of a text ran"));
  traffics.set(one.page, watchTraffic(one.page, convex.url));
  await one.page.goto(url);
  return one.page;
}

/** A browser that has reached the list. */
async function openBrowser(): Promise<Page> {
  const page = await openAt(server.url);
  await stateOf(page, "live");
  return page;
}

const connections = (page: Page) => traffics.get(page)!.open;

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
    completedAt?: number;
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

  const { asked } = traffics.get(second)!;
  asked.length = 0;
  const shown = [timeOfFirstRow(first), timeOfFirstRow(second)];
  const sound = await readFile(recording("english.flac"));
  await choose(first, { ...(await clip(HOSTILE)), buffer: sound.subarray(0, sound.length / 2) }); // its end is missing
  const [here, there] = await Promise.all(shown);
  await expect.poll(() => asked).toEqual(["jobs:get"]); // the list is pushed: only the text is asked for, once
  await expect.poll(() => rows(first).count()).toBe(1);
  await expect.poll(() => rows(second).textContent()).toContain("<img src=x onerror=alert(1)>");
  expect(await second.locator(".rows img").count()).toBe(0);

  await second.route("**/job/*/transcript", (route) => route.abort()); // what it shows came from Convex
  await rows(second).click();
  const jobId = second.url().split("/").at(-1)!;
  const done = (await readRow(jobId)).completedAt!;
  console.info(`From done to shown: ${here! - done} ms where it was sent, ${there! - done} ms in the other browser.`);
  await second.locator(".warnings", { hasText: "The end of the file is missing" }).waitFor();
  await second.unroute("**/job/*/transcript");
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
  convex.dropConnections();
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

test("without a network and behind other tabs it holds no connection, and is up to date at once when it comes back", async () => {
  const page = await openBrowser();
  const other = await openBrowser();
  await useCode(other, await readCode(page));
  await other.context().setOffline(true);
  await stateOf(other, "away");
  await setHidden(page, true);
  await expect.poll(() => connections(other) + connections(page)).toBe(0);

  await choose(page, await clip("sent by a tab behind others.wav"));
  await rows(page).waitFor();
  await expect.poll(() => connections(page)).toBe(0);
  await other.context().setOffline(false);
  await rows(other).waitFor();
  await setHidden(page, false);
  await expect.poll(() => connections(page)).toBe(1);
});

test("by keyboard a person who lost a device makes a new code: the lost one sees nothing new", async () => {
  const page = await openBrowser();
  const lost = await openBrowser();
  await useCode(lost, await readCode(page));
  await choose(page, await clip("before.wav"));
  await rows(lost).waitFor();

  await page.locator(".devices summary").focus();
  await press(
    page,
    "Tab",
    'textbox "Code of this browser"',
    'button "Show"',
    'button "Copy"',
    'button "Make a new code"',
    'textbox "Code of another device"',
    'button "Use"',
  );
  await page.getByRole("button", { name: "Make a new code" }).press("Enter");
  await page.getByText("There is a new code").waitFor();
  const code = page.getByLabel("Code of this browser");
  const joined = await openBrowser();
  await useCode(joined, await code.inputValue());
  await choose(page, await clip("after.wav"));
  await rows(joined).getByText("after.wav").waitFor();
  await expect.poll(() => rows(page).count()).toBe(2);
  expect(await rows(lost).allTextContents()).toEqual([expect.stringContaining("before.wav")]);
});

test("signing out ends the connection", async () => {
  const guarded = await startServer({ ...settings(), PAGE_PASSWORD: PASSWORD });
  try {
    const page = await openAt(guarded.url);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await stateOf(page, "live");
    await expect.poll(() => connections(page)).toBe(1);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(() => connections(page)).toBe(0);
  } finally {
    await guarded.stop();
  }
});
