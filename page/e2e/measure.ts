/**
 * What the page costs a browser with 40,000 words of four hours: processor time of the main thread a frame, and memory.
 * Prints its figures (`npm run measure`); not a part of the tests, since a busy machine would decide.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import type { CDPSession, Page } from "playwright-core";
import { ffmpeg, launch, loudnessOf, openPage, recording, startServer } from "./environment";

const WORDS = 40_000;
const JOB = "00000000-0000-4000-8000-000000000001";

test("40,000 words", async () => {
  const server = await startServer();
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, server.url, { viewport: { width: 1280, height: 860 } });
  const atFirst = await residentMegabytes(browser);
  await fill(page);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
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

test("first paint on slow 4G", async () => {
  const server = await startServer();
  const browser = await launch(inject("chromium"));
  // On a second visit the page comes from the service worker.
  const { page } = await openPage(browser, "about:blank", { serviceWorkers: "block" });
  const cdp = await page.context().newCDPSession(page);
  const slow = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 };
  await cdp.send("Network.emulateNetworkConditions", slow);
  const times: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await cdp.send("Network.clearBrowserCache");
    await page.goto(server.url);
    await page.locator(".drop").waitFor();
    const paint = () => performance.getEntriesByName("first-contentful-paint")[0]!.startTime;
    times.push(await page.evaluate(paint));
  }
  console.log(`first paint: ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  await browser.close();
  await server.stop();
}, 300_000);

/** A transcript of four hours in the page's own store, as if it had been made here. */
const fill = (page: Page) =>
  page.evaluate(
    async ([count, jobId]) => {
      const lexicon = "the of and recording meeting decided tomorrow because question answer very long important".split(
        " ",
      );
      const paragraphs = Array.from({ length: count / 70 }, (_, p) => {
        const chosen = Array.from({ length: 70 }, (_, i) => lexicon[(p * 7 + i * 5) % lexicon.length]!);
        const numbers = new Float64Array(70 * 5);
        let at = 0;
        chosen.forEach((word, i) => {
          const start = ((p * 70 + i) / count) * 14_400;
          numbers.set([at, word.length, start, start + 0.3, i % 12 === 0 ? 1 : 0], i * 5);
          at += word.length + 1;
        });
        return { text: chosen.join(" "), numbers };
      });
      const db = await new Promise<IDBDatabase>((resolve) => {
        const opening = indexedDB.open("escriba-page");
        opening.onsuccess = () => resolve(opening.result);
      });
      const transaction = db.transaction(["recordings", "texts"], "readwrite");
      const row = { jobId, filename: "four hours.mp3", createdAt: Date.now(), duration: 14_400, language: "en" };
      transaction
        .objectStore("recordings")
        .put({ ...row, excerpt: "", wordCount: count, editedAt: 0, etag: null, isUnsent: false });
      transaction.objectStore("texts").put({ jobId, paragraphs });
      await new Promise((resolve) => (transaction.oncomplete = resolve));
    },
    [WORDS, JOB] as [number, string],
  );

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

/** Milliseconds of processor time that the main thread has used. */
async function busy(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
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

const SPEECH = ["spanish-busy.wav", "spanish-directory.wav", "spanish-queue.wav", "spanish-no-service.wav"];

/** Speech of the tests as mp3, one after the other for four hours: 29 MB. */
async function makeFourHours(folder: string): Promise<string> {
  const inputs = SPEECH.flatMap((name) => ["-i", recording(name)]);
  const once = path.join(folder, "once.mp3");
  const filter = ["-filter_complex", `concat=n=${SPEECH.length}:v=0:a=1`, "-b:a", "16k", "-write_xing", "0"];
  await promisify(execFile)(await ffmpeg(), ["-loglevel", "error", ...inputs, ...filter, "-id3v2_version", "0", once]);
  const sound = await readFile(once);
  const target = path.join(folder, "four hours.mp3");
  await writeFile(
    target,
    Buffer.concat(Array.from({ length: Math.ceil((14_400 * 2_000) / sound.length) }, () => sound)),
  );
  return target;
}

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

/** Proportional set size: its own memory, and its part of what it shares with the browser's other processes. */
async function residentMegabytes(browser: Awaited<ReturnType<typeof launch>>): Promise<string> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const sizes = await Promise.all(
    processInfo
      .filter(({ type }) => type === "renderer")
      .map(async ({ id }) => /^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${id}/smaps_rollup`, "utf8"))![1]!),
  );
  return sizes.map((size) => (Number(size) / 1_000).toFixed(0)).join(" + ");
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

test("the dashboard's history of 30 days of 50 keys", async () => {
  const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
  const server = await startServer({ ADMIN_KEY });
  fillUsage(server.folder);
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, `${server.url}/#/admin/log`);
  await page.getByLabel("Access key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".tabs").waitFor();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.evaluate(() => (location.hash = "#/admin/history"));
  await page.locator(".by-key").waitFor();
  const before = await busy(cdp);
  await page.getByLabel("Time").selectOption("30");
  await page.locator(".by-key tbody tr").nth(49).waitFor();
  await page.waitForTimeout(500); // whatever is painted later belongs to it
  console.log(`30 days of 50 keys: ${((await busy(cdp)) - before).toFixed(0)} ms of main thread`);
  await browser.close();
  await server.stop();
}, 300_000);

function fillUsage(folder: string): void {
  const script = `
import datetime, sqlite3, sys
today = datetime.datetime.now(datetime.timezone.utc).date()
names = ["requests", "jobs", "audioSeconds", "failure:busy", "failure:audio_unreadable"]
names += ["latency:" + bound for bound in ("0.025", "0.1", "0.5", "2.5", "10", "30")]
rows = [
    (f"day:{today - datetime.timedelta(days=day)}", f"{key:08x}", name, float(3 + day + key))
    for day in range(30) for key in range(50) for name in names
]
with sqlite3.connect(sys.argv[1]) as db:
    db.executemany("INSERT INTO usage VALUES (?, ?, ?, ?)", rows)
`;
  execFileSync("python3", ["-c", script, `${folder}/escriba.sqlite3`]);
}
