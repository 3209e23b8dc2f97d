/** The states of one text: read, heard, corrected, searched, taken away, without its recording. */
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { choose, recording } from "../environment";
import { makeSpeech } from "../speech";
import type { State, Visit } from "./table";

const highlighted = (page: Page, name: string) =>
  expect.poll(() => page.evaluate((name) => CSS.highlights.get(name)?.size ?? 0, name)).toBeGreaterThan(0);

const jobId = (page: Page): string => page.url().split("/").at(-1)!;

async function read({ page }: Visit): Promise<void> {
  await choose(page, recording("english.flac"));
  await page.locator(".row-link").waitFor();
  await suppress(page, ["Thank you for watching.", "Subtitles by the community"]);
  await page.locator(".row-link").click();
  await page.locator(".play").waitFor();
}

/** Into the browser's own store, as an answer of the server has them: what an engine invents is not to be foreseen. */
const suppress = (page: Page, sentences: readonly string[]) =>
  page.evaluate(async (sentences) => {
    const opening = indexedDB.open("escriba-page");
    const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
    const store = db.transaction("originals", "readwrite").objectStore("originals");
    const reading = store.getAll();
    await new Promise((resolve) => (reading.onsuccess = resolve));
    const [row] = reading.result as Array<{ original: object }>;
    const suppressed = sentences.map((text, i) => ({ start: 2 + 5 * i, end: 4 + 5 * i, text }));
    store.put({ ...row, original: { ...row!.original, suppressed } });
    await new Promise((resolve) => (store.transaction.oncomplete = resolve));
    db.close();
  }, sentences);

async function showSuppressed({ page }: Visit): Promise<void> {
  await page.locator(".suppressed summary").click();
  await page.locator(".suppressed p").last().scrollIntoViewIfNeeded();
}

/** A word in the middle of the first line. */
async function clickText(page: Page): Promise<void> {
  const text = page.locator(".para p").first();
  const { width } = (await text.boundingBox())!;
  await text.click({ position: { x: width / 2, y: 14 } });
}

async function play({ page }: Visit): Promise<void> {
  await page.locator(".suppressed summary").click();
  await page.evaluate(() => scrollTo(0, 0));
  await clickText(page);
  await highlighted(page, "playing");
  await page.keyboard.press("Escape");
}

async function showUnsure({ page }: Visit): Promise<void> {
  const button = page.locator(".toolbar button[aria-pressed]").last();
  await button.click();
  await expect.poll(() => button.getAttribute("aria-pressed")).toBe("true");
}

async function correct({ page }: Visit): Promise<void> {
  await page.locator(".toolbar button[aria-pressed]").last().click(); // the unsure words, again
  await page.locator(".toolbar button").first().click();
  await clickText(page);
  await page.locator(".para p[role=textbox]").waitFor();
  await page.keyboard.press("Home");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.type(" then");
}

async function find({ page }: Visit): Promise<void> {
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+f");
  await page.locator(".find input:focus").first().waitFor();
  await page.keyboard.type("the");
  await highlighted(page, "found");
}

async function replace({ page }: Visit): Promise<void> {
  await page.locator(".replace input").fill("THE");
  await page.keyboard.press("Enter");
  await page.locator(".toast button").last().focus(); // a notice stays while it has the focus
}

async function openDownloads({ page }: Visit): Promise<void> {
  await page.locator(".toast button").last().click();
  await page.locator(".find input").first().press("Escape");
  await page.locator(".menu > button").click();
}

async function showKeys({ page }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  await page.locator(".para p").first().focus();
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
}

const openSpeakers = async (page: Page, paragraph: number) => {
  await page.locator("dialog.speakers").waitFor({ state: "detached" }); // that of the step before
  await page.locator(".para p").nth(paragraph).focus();
  await page.keyboard.press("s");
  await page.locator("dialog.speakers").waitFor();
};

/** Two speakers, the first with a name; then the dialog at the second. */
async function nameSpeakers({ page }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  await openSpeakers(page, 0);
  await page.locator(".choices button").last().click();
  await openSpeakers(page, 0);
  await page.locator("dialog.speakers input").fill("Nadia Öztürk");
  await page.keyboard.press("Enter");
  await page.locator("button.speaker").first().waitFor();
  const last = (await page.locator(".para").count()) - 1;
  await openSpeakers(page, last);
  await page.locator(".choices button").last().click();
  await openSpeakers(page, last);
}

async function showSpeakers({ page }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  await page.locator("button.speaker").first().waitFor();
}

/** As another device does it: by the API. */
async function changeElsewhere({ page, servers }: Visit): Promise<void> {
  const address = `${servers.open}/job/${jobId(page)}/transcript`;
  await expect.poll(() => page.locator(".facts").textContent()).toMatch(/(Saved|Guardado)$/);
  await page.locator(".back").click();
  const found = await fetch(address);
  const sent = await fetch(address, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": found.headers.get("etag")! },
    body: JSON.stringify({ segments: [{ start: 0, end: 3, text: "Somebody else has written this sentence." }] }),
  });
  expect(sent.status).toBe(200);
  await page.locator(".row-link").click();
  await page.locator(".reader .notice").waitFor();
}

async function loseAudio({ page }: Visit): Promise<void> {
  await page.evaluate(async (id) => {
    const root = await navigator.storage.getDirectory();
    await (await root.getDirectoryHandle("recordings")).removeEntry(id);
  }, jobId(page));
  await page.reload();
  await page.locator(".chooser").waitFor();
}

async function openUnknown({ page }: Visit): Promise<void> {
  await page.evaluate(() => (location.hash = "#/text/00000000-0000-4000-8000-000000000000"));
  await page.locator(".back, .button.plain").first().waitFor();
  await expect.poll(() => page.locator(".para").count()).toBe(0);
}

async function openSilence({ page }: Visit): Promise<void> {
  await page.evaluate(() => (location.hash = "#/"));
  const silence = (await makeSpeech(3)).fill(0, 44);
  await choose(page, { name: "silence.wav", mimeType: "audio/wav", buffer: silence });
  await page.locator(".row-link", { hasText: "silence.wav" }).click();
  await page.locator(".reader .notice").waitFor();
}

export const readerStates: readonly State[] = [
  { name: "reader", reach: read },
  { name: "suppressed", reach: showSuppressed },
  { name: "playing", reach: play },
  { name: "unsure", reach: showUnsure },
  { name: "correcting", reach: correct },
  { name: "find", reach: find },
  { name: "replaced", reach: replace },
  { name: "downloads", reach: openDownloads },
  { name: "keys", reach: showKeys },
  { name: "speaker-dialog", reach: nameSpeakers },
  { name: "speakers", reach: showSpeakers },
  { name: "changed-elsewhere", reach: changeElsewhere },
  { name: "audio-gone", reach: loseAudio },
  { name: "not-here", reach: openUnknown },
  { name: "without-words", reach: openSilence },
];
