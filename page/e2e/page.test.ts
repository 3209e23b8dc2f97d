/** The way of a recording through the page: real server, embedded engine, real Chromium; then what it does beside. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSaid, recordAnnouncements } from "./announcements";
import { findProblems } from "./axe";
import { centreOf, replaceWord } from "./correct";
import { type Engine, startEngine } from "./engine";
import {
  choose,
  closePages,
  download,
  openPage,
  recording,
  type Server,
  sharedBrowser,
  startServer,
} from "./environment";
import { makeSpeech } from "./speech";

let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;

beforeAll(async () => {
  server = await startServer();
  browser = await sharedBrowser();
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
});

const rows = (page: Page) => page.locator(".row");
const paragraphs = (page: Page) => page.locator(".para p");

const openFirst = async (page: Page) => {
  await page.locator(".row-link").first().click();
  await paragraphs(page).first().waitFor();
};

/** Each call of `play`, with where it began. */
const recordPlays = () => {
  const plays: Array<{ element: HTMLMediaElement; from: number }> = [];
  Object.assign(globalThis, { plays });
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    plays.push({ element: this, from: this.currentTime });
    return play.call(this);
  };
};

/** What a card shows when the first words of its text appear: a test that looks at it later may see more. */
const recordFirstWords = () => {
  const observer = new MutationObserver(() => {
    const card = document.querySelector(".card:has(.live)");
    if (!card) return;
    const fraction = card.querySelector("progress")!.value;
    Object.assign(globalThis, { first: { fraction, state: card.querySelector(".state")!.textContent } });
    observer.disconnect();
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
};

type FirstWords = { first: { fraction: number; state: string } };

type Plays = { plays: Array<{ element: HTMLMediaElement; from: number }> };

describe("a recording", () => {
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    ({ page, problems } = await openPage(browser, server.url, { viewport: { width: 1100, height: 800 } }));
    await page.addInitScript(recordPlays);
    await page.reload();
  });
  afterAll(() => page.context().close());

  test("shows its text before half of it was heard, and becomes a text of the history", async () => {
    const file = { name: "largo.wav", mimeType: "audio/wav", buffer: await makeSpeech(40) };
    await page.evaluate(recordAnnouncements);
    await page.evaluate(recordFirstWords);
    await choose(page, file);
    const card = page.locator(".card");
    await card.locator(".live").waitFor();
    const { fraction, state } = await page.evaluate(() => (globalThis as unknown as FirstWords).first);
    expect(fraction).toBeGreaterThan(0);
    expect(fraction).toBeLessThanOrEqual(0.5);
    expect(state).toMatch(/Heard \d+:\d\d of 0:40/);
    expect(await findProblems(page)).toEqual([]);
    await rows(page).waitFor();
    await expect.poll(() => card.count()).toBe(0);
    const heard = /largo\.wav: The server listens[^]*Ready: largo\.wav/;
    await expect.poll(async () => (await readSaid(page)).join("\n")).toMatch(heard);
    const said = await readSaid(page);
    expect(said.length).toBeLessThanOrEqual(4); // not each percent, nor each line of its text
  });

  test("plays from the word that is clicked", async () => {
    await openFirst(page);
    await page.getByRole("button", { name: "Play" }).waitFor();
    const id = page.url().split("/").at(-1)!;
    const result = (await (await fetch(`${server.url}/job/${id}/transcript`)).json()) as {
      words: Array<{ word: string; start: number }>;
    };
    const text = (await paragraphs(page).first().textContent())!;
    const target = result.words.slice(4).find(({ word }) => word.length > 4 && text.split(word).length === 2)!;
    const { x, y } = await centreOf(page, text.slice(0, text.indexOf(target.word)).split(" ").length - 1);
    await page.mouse.click(x, y);
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as Plays).plays.length)).toBe(1);
    const from = await page.evaluate(() => (globalThis as unknown as Plays).plays[0]!.from);
    expect(Math.abs(from - target.start)).toBeLessThan(0.3);
    const time = () => page.evaluate(() => (globalThis as unknown as Plays).plays[0]!.element.currentTime);
    await expect.poll(time).toBeGreaterThan(from);
    await expect.poll(() => page.evaluate(() => CSS.highlights.get("playing")?.size)).toBe(1);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  });

  test("is corrected in place, at the server too, and its files have the correction", async () => {
    await replaceWord(page, 1, "Nadia Öztürk");
    await page.getByText("Saved", { exact: false }).first().waitFor();
    const srt = await download(page, "Subtitles (.srt)");
    expect(srt.replace(/\s+/g, " ")).toContain("Nadia Öztürk");
    const times = [...srt.matchAll(/(\d\d):(\d\d):(\d\d),(\d{3})/g)].map(
      ([, hours, minutes, seconds, rest]) => Number(hours) * 3600 + Number(minutes) * 60 + Number(`${seconds}.${rest}`),
    );
    expect(times.length).toBeGreaterThan(10);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const id = page.url().split("/").at(-1)!;
    const atServer = async () => (await fetch(`${server.url}/job/${id}/transcript?format=txt`)).text();
    await expect.poll(atServer).toContain("Nadia Öztürk");
  });

  test("is undone and redone across paragraphs, also by keys", async () => {
    const first = paragraphs(page).first();
    const corrected = (await first.textContent())!;
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => first.textContent()).not.toContain("Nadia Öztürk");
    await page.keyboard.press("Control+Shift+z");
    await expect.poll(() => first.textContent()).toBe(corrected);
  });

  test("is still there after a reload, with what was corrected and with its sound", async () => {
    await page.reload();
    await paragraphs(page).first().waitFor();
    await expect.poll(() => paragraphs(page).first().textContent()).toContain("Nadia Öztürk");
    await page.getByRole("button", { name: "Play" }).waitFor();
    expect(await findProblems(page)).toEqual([]);
  });

  test("is found by a word of its text, without accents", async () => {
    await page.getByRole("link", { name: "All texts" }).click();
    await choose(page, recording("english-short.wav"));
    await expect.poll(() => rows(page).count()).toBe(2);
    await page.getByRole("searchbox").fill("ozturk");
    await page.getByText("1 text found").waitFor();
    await expect.poll(() => rows(page).count()).toBe(1);
    await page.getByRole("searchbox").fill("");
    await expect.poll(() => rows(page).count()).toBe(2);
  });

  test("is deleted, and comes back when the person wants", async () => {
    await rows(page).first().getByRole("button").click();
    await expect.poll(() => rows(page).count()).toBe(1);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => rows(page).count()).toBe(2);
  });

  test("broke no rule of the page's policy", () => {
    expect(problems).toEqual([]);
  });
});

describe("the page", () => {
  let engine: Engine;
  let server: Server;

  beforeAll(async () => {
    engine = await startEngine();
    server = await startServer(engine.settings);
  });
  afterAll(async () => {
    await server.stop();
    engine.close();
  });

  test("refuses at once what the server would refuse, and says why in the page's language", async () => {
    const { page } = await openPage(browser, server.url);
    await page.getByText("up to 200 MB").waitFor();
    await choose(page, { name: "empty.mp3", mimeType: "audio/mpeg", buffer: Buffer.alloc(0) });
    await page.getByText("“empty.mp3” has 0 bytes").waitFor();
    await page.getByRole("button", { name: "Español" }).click();
    await choose(page, { name: "nota.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF") });
    await page.getByText("«nota.pdf» no parece una grabación").waitFor();
    await expect.poll(() => page.getAttribute("html", "lang")).toBe("es");
    expect(await page.locator(".card").count()).toBe(0);
    expect(await findProblems(page)).toEqual([]);
    await page.context().close();
  });

  test("shows a failure in the server's own sentence, and a name of 3,000 hostile letters as letters", async () => {
    const { page, problems } = await openPage(browser, server.url, { viewport: { width: 320, height: 640 } });
    const name = `<img src=x onerror=alert(1)>\u202e${"x".repeat(3_000)}.mp3`;
    await choose(page, { name, mimeType: "audio/mpeg", buffer: Buffer.from("no sound at all") });
    await page.locator(".card .problem").waitFor();
    await page.locator(".card .problem", { hasText: "not audio or video" }).waitFor();
    await page.getByRole("button", { name: "Español" }).click();
    await page.locator(".card .problem", { hasText: "no es audio ni vídeo" }).waitFor();
    expect(await page.locator(".card img").count()).toBe(0);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(320);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test("shows one truth in two tabs, and gives all formats as a zip", async () => {
    const { page, problems } = await openPage(browser, server.url);
    await choose(page, recording("english-short.wav"));
    await rows(page).waitFor();
    await openFirst(page);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await paragraphs(other).first().waitFor();
    await paragraphs(page)
      .first()
      .dblclick({ position: { x: 60, y: 14 } });
    await page.locator(".para p[role=textbox]").waitFor();
    await page.keyboard.type("Nadia ");
    await paragraphs(other).filter({ hasText: "Nadia" }).waitFor();
    await other.getByText("Changed in another tab").waitFor();
    await other.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => paragraphs(page).first().textContent()).not.toContain("Nadia");
    await page.locator(".facts", { hasText: "Saved" }).waitFor();
    const zip = await download(page, "All of these (.zip)");
    expect(zip.startsWith("PK")).toBe(true);
    for (const suffix of ["txt", "times.txt", "md", "docx", "srt", "vtt", "json"])
      expect(zip).toContain(`english-short.${suffix}`);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test("says under its name that the end of a recording is missing: offline, in its language, on a phone", async () => {
    const { page, problems } = await openPage(browser, server.url, { viewport: { width: 320, height: 640 } });
    const whole = await readFile(recording("english.flac"));
    const buffer = whole.subarray(0, (whole.length * 2) / 3);
    await choose(page, { name: "cut.flac", mimeType: "audio/flac", buffer });
    await rows(page).waitFor();
    await openFirst(page);
    const warning = page.getByRole("list", { name: "Notes on this text" }).getByRole("listitem");
    await expect
      .poll(() => warning.allTextContents())
      .toEqual([expect.stringContaining("The end of the file is missing")]);
    expect(await page.locator(".reader h1 ~ * .warnings").count()).toBe(1);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await findProblems(page)).toEqual([]);
    }

    await page.getByRole("button", { name: "Español" }).click();
    const spanish = page.locator(".warnings [lang=es]", { hasText: "Falta el final del archivo" });
    await spanish.waitFor();
    await page.getByRole("link", { name: "Todos los textos" }).click();
    await rows(page).waitFor();
    await page.context().setOffline(true);
    await openFirst(page);
    await spanish.waitFor();
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test("cancels a recording, and goes on with another when the network is back", async () => {
    const { page } = await openPage(browser, server.url);
    engine.hold();
    await choose(page, { name: "long.wav", mimeType: "audio/wav", buffer: await makeSpeech(60) });
    await page.getByRole("button", { name: "Cancel: long.wav" }).click();
    await page.locator('[data-phase="cancelled"]').waitFor();
    engine.release();
    await page.context().setOffline(true);
    await page.getByText("No network").waitFor();
    await choose(page, recording("spanish-queue.wav"));
    await page.locator(".card", { hasText: "spanish-queue" }).waitFor();
    await page.context().setOffline(false);
    const retry = page.getByRole("button", { name: "Try again: spanish-queue.wav" });
    await Promise.race([retry.click(), rows(page).waitFor()]);
    await rows(page).waitFor();
    await page.context().close();
  });
});
