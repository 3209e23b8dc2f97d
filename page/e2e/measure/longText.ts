/**
 * What the page costs a browser with 40,000 words of four hours: processor time of the main thread a frame, and memory.
 * Prints its figures (`npm run measure`); not a part of the tests, since a busy machine would decide.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { launch, loudnessOf, openPage, startServer } from "../environment";
import { busy, countTime, residentMegabytes } from "./figures";
import { fillStore, JOB, makeFourHours } from "./fourHours";

test("40,000 words", async () => {
  const server = await startServer();
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, server.url, { viewport: { width: 1280, height: 860 } });
  const atFirst = await residentMegabytes(browser);
  await fillStore(page);
  const cdp = await countTime(page);
  await page.goto(`${server.url}/#/text/${JOB}`);
  await page.reload();
  await page.locator(".para").first().waitFor();
  const all = await page.evaluate(
    () => (
      getSelection()!.selectAllChildren(document.querySelector(".text")!),
      getSelection()!.toString().split(/\s+/).length
    ),
  );
  await page.evaluate(() => getSelection()!.removeAllRanges());
  console.log(`select all gives ${all} words`);
  console.log(`scrolling: ${await perFrame(page, cdp, scroll)} ms of main thread a frame`);
  console.log(`far jumps: ${await perFrame(page, cdp, jump)} ms`);
  await cdp.send("HeapProfiler.collectGarbage");
  const withText = await residentMegabytes(browser);
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-measure-"));
  await page.locator(".player input[type=file]").setInputFiles(await makeFourHours(folder));
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  console.log(`click to the seek call: ${await clicksToSeek(page)} ms`);
  console.log(`playing while the picture is decoded: ${await playing(page, cdp)} ms of main thread a frame`);
  await pictureIsKept(page);
  console.log(`playing at three times the pace: ${await playing(page, cdp)} ms of main thread a frame`);
  console.log(`a letter in a paragraph: ${await perLetter(page, cdp)} ms`);
  await cdp.send("HeapProfiler.collectGarbage");
  const { metrics } = await cdp.send("Performance.getMetrics");
  console.log(
    `memory: ${(metrics.find(({ name }) => name === "JSHeapUsedSize")!.value / 1e6).toFixed(0)} MB of JavaScript`,
  );
  console.log(
    `memory: ${await residentMegabytes(browser)} MB that the tab's process holds, ${withText} before it had the sound, ${atFirst} before it had the text`,
  );
  await browser.close();
  await server.stop();
  await rm(folder, { recursive: true });
}, 300_000);

const FRAMES = 120;

async function perFrame(
  page: Page,
  cdp: CDPSession,
  work: (page: Page, frames: number) => Promise<unknown>,
): Promise<string> {
  const before = await busy(cdp);
  await work(page, FRAMES);
  return (((await busy(cdp)) - before) / FRAMES).toFixed(1);
}

const eachFrame = (page: Page, frames: number, by: number) =>
  page.evaluate(
    ([frames, by]) =>
      new Promise<void>((resolve) => {
        let left = frames!;
        const step = () => {
          scrollBy(0, by!);
          if ((left -= 1) > 0) requestAnimationFrame(step);
          else resolve();
        };
        requestAnimationFrame(step);
      }),
    [frames, by],
  );

const scroll = (page: Page, frames: number) => eachFrame(page, frames, 60);
const jump = (page: Page, frames: number) => eachFrame(page, frames, 3_000);

/** Of twenty clicks on words all over the text: the median and the longest. */
async function clicksToSeek(page: Page): Promise<string> {
  await page.evaluate(() => {
    const times: number[] = [];
    let clicked = 0;
    Object.assign(globalThis, { seekTimes: times });
    document.addEventListener("click", ({ timeStamp }) => (clicked = timeStamp), true);
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "currentTime")!;
    Object.defineProperty(HTMLMediaElement.prototype, "currentTime", {
      get,
      set(value) {
        times.push(performance.now() - clicked);
        set!.call(this, value);
      },
    });
  });
  const texts = page.locator(".para p");
  const count = await texts.count();
  for (let i = 0; i < 20; i += 1)
    await texts.nth(Math.floor(((i * 7) % 20) * (count / 20))).click({ position: { x: 120, y: 14 } });
  const times = await page.evaluate(() => (globalThis as unknown as { seekTimes: number[] }).seekTimes);
  times.sort((a, b) => a - b);
  return `${times[Math.floor(times.length / 2)]!.toFixed(1)} (at most ${times.at(-1)!.toFixed(1)}, ${times.length} clicks)`;
}

/** It plays, marks and follows words; processor time by the frames that were drawn meanwhile. */
async function playing(page: Page, cdp: CDPSession): Promise<string> {
  await page.getByLabel("Speed").selectOption("3");
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator(".para .time").first().click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  const before = await busy(cdp);
  const frames = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const end = performance.now() + 10_000;
        let frames = 0;
        const step = () => ((frames += 1), performance.now() < end ? requestAnimationFrame(step) : resolve(frames));
        requestAnimationFrame(step);
      }),
  );
  const used = (await busy(cdp)) - before;
  await page.getByRole("button", { name: "Pause" }).click();
  return `${(used / frames).toFixed(2)} (${frames} frames in 10 s)`;
}

/** Four hours were decoded, minute by minute. */
async function pictureIsKept(page: Page): Promise<void> {
  const began = Date.now();
  const isKept = async () => (await loudnessOf(page, JOB)).length > 0;
  await expect.poll(isKept, { timeout: 180_000, interval: 500 }).toBe(true);
  console.log(`the picture of four hours is there after ${((Date.now() - began) / 1_000).toFixed(0)} s more`);
}

async function perLetter(page: Page, cdp: CDPSession): Promise<string> {
  await page
    .locator(".para p")
    .first()
    .dblclick({ position: { x: 200, y: 12 } });
  const letters = "correction of words";
  const before = await busy(cdp);
  for (const letter of letters) await page.keyboard.type(letter);
  return (((await busy(cdp)) - before) / letters.length).toFixed(1);
}
