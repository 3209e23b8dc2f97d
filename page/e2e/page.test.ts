/** The way of a recording through the page: real server, embedded engine, real Chromium. One browser for all tests. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { readSaid, recordAnnouncements } from "./announcements";
import { findProblems } from "./axe";
import { choose, download, launch, openPage, recording, type Server, startServer } from "./environment";
import { makeSpeech } from "./speech";

let server: Server;
let browser: Awaited<ReturnType<typeof launch>>;

beforeAll(async () => {
  server = await startServer();
  browser = await launch(inject("chromium"));
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

const ENOUGH = { timeout: 240_000 };

const rows = (page: Page) => page.locator(".row");
const paragraphs = (page: Page) => page.locator(".para p");

const openFirst = async (page: Page) => {
  await page.locator(".row-link").first().click();
  await paragraphs(page).first().waitFor();
};

/** The middle of a word on the screen. */
const centreOf = (page: Page, paragraph: number, at: number, length: number) =>
  page.evaluate(
    ([paragraph, at, length]) => {
      const text = document.querySelectorAll(".para p")[paragraph!]!.firstChild!;
      const range = document.createRange();
      range.setStart(text, at!);
      range.setEnd(text, at! + length!);
      const { left, top, width, height } = range.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    },
    [paragraph, at, length],
  );

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
    const file = { name: "largo.wav", mimeType: "audio/wav", buffer: await makeSpeech(64) };
    await page.evaluate(recordAnnouncements);
    await choose(page, file);
    const card = page.locator(".card");
    await card.locator(".live").waitFor(ENOUGH);
    const fraction = Number(await card.locator("progress").getAttribute("value"));
    expect(fraction).toBeGreaterThan(0);
    expect(fraction).toBeLessThanOrEqual(0.5);
    expect(await card.locator(".state").textContent()).toMatch(/Heard \d+:\d\d of 1:04/);
    expect(await findProblems(page)).toEqual([]);
    await rows(page).waitFor(ENOUGH);
    expect(await card.count()).toBe(0);
    const said = await readSaid(page);
    expect(said.join("\n")).toMatch(/largo\.wav: The server listens[^]*Ready: largo\.wav/);
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
    const { x, y } = await centreOf(page, 0, text.indexOf(target.word), target.word.length);
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
    await page.getByRole("button", { name: "Correct", exact: true }).click();
    const text = (await paragraphs(page).first().textContent())!;
    const word = text.split(" ")[1]!;
    const { x, y } = await centreOf(page, 0, text.indexOf(word), word.length);
    await page.mouse.dblclick(x, y);
    await page.mouse.dblclick(x, y);
    await page.keyboard.type("Nadia Öztürk");
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
    await expect.poll(atServer, ENOUGH).toContain("Nadia Öztürk");
  });

  test("is undone and redone across paragraphs, also by keys", async () => {
    const first = paragraphs(page).first();
    const corrected = (await first.textContent())!;
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await first.textContent()).not.toContain("Nadia Öztürk");
    await page.keyboard.press("Control+Shift+z");
    expect(await first.textContent()).toBe(corrected);
  });

  test("is still there after a reload, with what was corrected and with its sound", async () => {
    await page.reload();
    await paragraphs(page).first().waitFor();
    expect(await paragraphs(page).first().textContent()).toContain("Nadia Öztürk");
    await page.getByRole("button", { name: "Play" }).waitFor();
    expect(await findProblems(page)).toEqual([]);
  });

  test("is found by a word of its text, without accents", async () => {
    await page.getByRole("link", { name: "All texts" }).click();
    await choose(page, recording("english-short.wav"));
    await expect.poll(() => rows(page).count(), ENOUGH).toBe(2);
    await page.getByRole("searchbox").fill("ozturk");
    await page.getByText("1 text found").waitFor();
    expect(await rows(page).count()).toBe(1);
    await page.getByRole("searchbox").fill("");
  });

  test("is deleted, and comes back when the person wants", async () => {
    await rows(page).first().getByRole("button").click();
    expect(await rows(page).count()).toBe(1);
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await rows(page).count()).toBe(2);
  });

  test("broke no rule of the page's policy", () => {
    expect(problems).toEqual([]);
  });
});

describe("the page", () => {
  test("refuses at once what the server would refuse, and says why in the page's language", async () => {
    const { page } = await openPage(browser, server.url);
    await page.getByText("up to 200 MB").waitFor();
    await choose(page, { name: "empty.mp3", mimeType: "audio/mpeg", buffer: Buffer.alloc(0) });
    await page.getByText("“empty.mp3” has 0 bytes").waitFor();
    await page.getByRole("button", { name: "Español" }).click();
    await choose(page, { name: "nota.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF") });
    await page.getByText("«nota.pdf» no parece una grabación").waitFor();
    expect(await page.getAttribute("html", "lang")).toBe("es");
    expect(await page.locator(".card").count()).toBe(0);
    expect(await findProblems(page)).toEqual([]);
    await page.context().close();
  });

  test("shows a failure in the server's own sentence, and a name of 3,000 hostile letters as letters", async () => {
    const { page, problems } = await openPage(browser, server.url, { viewport: { width: 320, height: 640 } });
    const name = `<img src=x onerror=alert(1)>\u202e${"x".repeat(3_000)}.mp3`;
    await choose(page, { name, mimeType: "audio/mpeg", buffer: Buffer.from("no sound at all") });
    await page.locator(".card .problem").waitFor(ENOUGH);
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
    await rows(page).waitFor(ENOUGH);
    await openFirst(page);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await paragraphs(other).first().waitFor();
    await paragraphs(page)
      .first()
      .dblclick({ position: { x: 60, y: 14 } });
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

  test("cancels a recording, and goes on with another when the network is back", async () => {
    const { page } = await openPage(browser, server.url);
    await choose(page, { name: "long.wav", mimeType: "audio/wav", buffer: await makeSpeech(240) });
    await page.getByRole("button", { name: "Cancel: long.wav" }).click();
    await page.locator('[data-phase="cancelled"]').waitFor(ENOUGH);
    await page.context().setOffline(true);
    await page.getByText("No network").waitFor();
    await choose(page, recording("spanish-queue.wav"));
    await page.locator(".card", { hasText: "spanish-queue" }).waitFor();
    await page.context().setOffline(false);
    const retry = page.getByRole("button", { name: "Try again: spanish-queue.wav" });
    await Promise.race([retry.click(ENOUGH), rows(page).waitFor(ENOUGH)]);
    await rows(page).waitFor(ENOUGH);
    await page.context().close();
  });
});
