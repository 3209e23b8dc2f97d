/** Recording in a real Chromium whose microphone plays speech: it is killed midway, interrupted, and used as people do. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { launch, openPage, type Server, startServer } from "./environment";
import { killBrowsers, type KillableBrowser, openBrowser } from "./killableBrowser";
import { numbersIn, settingsOf, type SpokenNumbers, startSpokenNumbers } from "./spokenNumbers";

let engine: SpokenNumbers;
let server: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "escriba-record-"));
  engine = await startSpokenNumbers(30, path.join(folder, "speech.wav"));
  server = await startServer(settingsOf(engine));
});

afterAll(async () => {
  killBrowsers();
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (profile: string): Promise<KillableBrowser> =>
  openBrowser(inject("chromium"), path.join(folder, profile), path.join(folder, "speech.wav"));

/** In English, whatever the browser speaks; `problems` is what its console complains of. */
async function openRecorder(
  { context }: KillableBrowser,
  script?: () => void,
): Promise<{ page: Page; problems: string[] }> {
  const page = await context.newPage();
  if (script) await page.addInitScript(script);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) problems.push(message.text());
  });
  await page.goto(server.url);
  await page.getByRole("link", { name: "Record", exact: true }).click();
  await page.getByRole("button", { name: "Start recording" }).waitFor();
  return { page, problems };
}

const secondsShown = async (page: Page): Promise<number> => {
  const [minutes, seconds] = (await page.locator(".clock").textContent())!.split(":");
  return Number(minutes) * 60 + Number(seconds);
};

const filesLeft = (page: Page) =>
  page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const names: string[] = [];
    for await (const name of (await root.getDirectoryHandle("record")).keys()) names.push(name);
    return names;
  });

/** As Safari, which writes no webm: the same Chromium then writes mp4, in fragments. */
const writeMp4 = () => {
  const isSupported = MediaRecorder.isTypeSupported.bind(MediaRecorder);
  MediaRecorder.isTypeSupported = (type) => type.includes("mp4") && isSupported(type);
};

test.each([
  ["webm", undefined],
  ["mp4", writeMp4],
])(
  "a recording outlives its browser, which is killed without a network, and becomes text: %s",
  async (name, script) => {
    const first = await open(`killed-${name}`);
    const { page } = await openRecorder(first, script);
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Start recording" }).click();
    await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(8);
    const recorded = await secondsShown(page);
    await first.kill();

    const second = await open(`killed-${name}`);
    const again = await second.context.newPage();
    await again.goto(server.url);
    const card = again.locator(".kept .card");
    const kept = async () => Number(/(\d+) s/.exec((await card.locator(".dim").textContent())!)?.[1]);
    await expect.poll(kept).toBeGreaterThanOrEqual(recorded - 4);
    const [file] = await Promise.all([
      again.waitForEvent("download"),
      card.getByRole("button", { name: "Download" }).click(),
    ]);
    expect(file.suggestedFilename()).toMatch(name === "mp4" ? /\.m4a$/ : /\.webm$/);
    expect(await findProblems(again)).toEqual([]);
    await card.getByRole("button", { name: "Make it text" }).click();
    const row = again.locator(".row");
    await row.waitFor();
    await expect.poll(() => card.count()).toBe(0);
    await expect.poll(() => filesLeft(again)).toEqual([]);
    await again.locator(".row-link").click();
    await again.locator(".para p").first().waitFor();
    const numbers = numbersIn((await again.locator(".para p").allTextContents()).join(" "));
    expect(numbers.length).toBeGreaterThan((recorded - 4) / 2); // a word takes less than two seconds
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    await second.kill();
  },
);

/** The fake microphone's own events cannot be made; the page hears these as it would hear them. */
const catchTracks = () => {
  const tracks: MediaStreamTrack[] = [];
  Object.assign(globalThis, { tracks });
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    tracks.push(...stream.getAudioTracks());
    return stream;
  };
};

type Tracks = { tracks: MediaStreamTrack[] };

const happens = (page: Page, event: "mute" | "unmute" | "ended") =>
  page.evaluate((name) => {
    const track = (globalThis as unknown as Tracks).tracks.at(-1)!;
    if (name !== "ended") Object.defineProperty(track, "muted", { value: name === "mute", configurable: true });
    track.dispatchEvent(new Event(name));
  }, event);

test("a call interrupts a recording and does not end it; pauses and marks are the person's", async () => {
  const browser = await open("whole");
  const { page, problems } = await openRecorder(browser, catchTracks);
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(3);
  expect(await findProblems(page)).toEqual([]);

  await happens(page, "mute");
  await page.getByText("There is no sound: a call").waitFor();
  await happens(page, "unmute");
  await page.locator("[data-phase=recording]").waitFor();
  await happens(page, "ended"); // the microphone was unplugged: the next one is opened
  await expect.poll(() => page.evaluate(() => (globalThis as unknown as Tracks).tracks.length)).toBe(2);
  await page.locator("[data-phase=recording]").waitFor();

  await page.getByRole("button", { name: "Mark this moment" }).click();
  await page.getByText(/Marks: \d:\d\d/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("[data-phase=paused]").waitFor();
  await page.getByRole("link", { name: "All texts" }).click();
  await page.getByRole("link", { name: "Recording…" }).click();
  const paused = await secondsShown(page);
  await page.waitForTimeout(1_200);
  expect(await secondsShown(page)).toBe(paused);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(paused + 3);
  await page.getByRole("button", { name: "Stop, and make it text" }).click();
  await page.locator(".row").waitFor();
  await expect.poll(() => filesLeft(page)).toEqual([]);

  await page.locator(".row-link").click();
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  await page.locator("h1", { hasText: /^Recording \d{4}-\d\d-\d\d \d\d\.\d\d/ }).waitFor();
  const mark = page.locator(".marks button");
  const marked = (await mark.textContent())!;
  await mark.click();
  await page.locator(".player-tools", { hasText: `${marked} /` }).waitFor();
  expect(problems).toEqual([]);
  await browser.kill();
});

/** A tab is shared once; the second time the browser refuses, as it does where nobody has clicked. */
const shareTabOnce = () => {
  let isShared = false;
  navigator.mediaDevices.getDisplayMedia = () => {
    if (isShared) return Promise.reject(new DOMException("", "InvalidStateError"));
    isShared = true;
    const context = new AudioContext();
    const { stream } = context.createMediaStreamDestination();
    Object.assign(globalThis, { tab: stream.getAudioTracks()[0] });
    return Promise.resolve(stream);
  };
};

const tabEnds = (page: Page) =>
  page.evaluate(() => {
    (globalThis as unknown as { tab: MediaStreamTrack }).tab.dispatchEvent(new Event("ended"));
  });

test("the microphone goes on by itself after a call, also when the tab that was recorded with it has ended", async () => {
  const browser = await open("both");
  await browser.context.addInitScript(shareTabOnce);
  const { page } = await openRecorder(browser, catchTracks);
  await page.getByRole("radio", { name: /^Both/ }).check();
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(1);
  await happens(page, "mute"); // by its own switch: who else speaks in the tab is still recorded
  expect(await page.locator("[data-phase=recording]").count()).toBe(1);
  await tabEnds(page); // no silence is recorded
  await page.locator("[data-phase=interrupted]").waitFor();
  await expect.poll(() => page.getByText("The microphone is still recorded").count()).toBe(0);
  const before = await secondsShown(page);
  await happens(page, "unmute");
  await page.locator("[data-phase=recording]").waitFor();
  await expect.poll(() => secondsShown(page)).toBeGreaterThan(before);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Go on" }).click(); // and where the person does not share the tab again
  await page.locator("[data-phase=recording]").waitFor();
  await browser.kill();
});

const refuseRecorders = () => {
  MediaRecorder.prototype.start = () => {
    throw new DOMException("", "NotSupportedError");
  };
};

test("no microphone stays open, and nothing is left, where the browser's recorder does not begin", async () => {
  const browser = await open("refused");
  await browser.context.addInitScript(refuseRecorders);
  const { page } = await openRecorder(browser, catchTracks);
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByText("This browser cannot record here").waitFor();
  const states = () =>
    page.evaluate(() => (globalThis as unknown as Tracks).tracks.map(({ readyState }) => readyState));
  await expect.poll(states).toEqual(["ended"]);
  await expect.poll(() => filesLeft(page).catch(() => [])).toEqual([]);
  await browser.kill();
});

test("a recording that is kept is downloaded, deleted and brought back", async () => {
  const browser = await open("whole");
  const { page, problems } = await openRecorder(browser);
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect.poll(() => secondsShown(page)).toBeGreaterThanOrEqual(3);
  await page.getByRole("button", { name: "Stop, and keep it" }).click();
  const card = page.locator(".kept .card");
  await card.waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    card.getByRole("button", { name: "Download" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^Recording .*\.webm$/);
  const [url] = [file.url()];
  const duration = await page.evaluate(
    (src) =>
      new Promise<number>((resolve) => {
        const audio = Object.assign(new Audio(src), { onloadedmetadata: () => resolve(audio.duration) });
      }),
    url,
  );
  expect(duration).toBeGreaterThan(2.5);
  expect(duration).toBeLessThan(600); // it is known, and not for ever
  await card.getByRole("button", { name: "Delete" }).click();
  await expect.poll(() => card.count()).toBe(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await card.waitFor();
  await card.getByRole("button", { name: "Delete" }).click();
  await page
    .locator(".toast", { hasText: "The recording is deleted" })
    .getByRole("button", { name: "Dismiss" })
    .click();
  await expect.poll(() => filesLeft(page)).toEqual([]);
  expect(problems).toEqual([]);
  await browser.kill();
});

test("the page says that a device has no microphone, in the page's language", async () => {
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, `${server.url}/#/record`, { locale: "es-ES" });
  await page.getByRole("button", { name: "Empezar a grabar" }).click();
  await page.getByText("No hay micrófono").waitFor();
  expect(await findProblems(page)).toEqual([]);
  await browser.close();
});
