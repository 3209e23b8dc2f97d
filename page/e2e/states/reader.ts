/** The states of one text: read, heard, corrected, searched, taken away, without its recording. */
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { choose, recording } from "../environment";
import type { State, Visit } from "./table";

const ENOUGH = { timeout: 240_000 };

const highlighted = (page: Page, name: string) =>
  expect.poll(() => page.evaluate((name) => CSS.highlights.get(name)?.size ?? 0, name), ENOUGH).toBeGreaterThan(0);

const jobId = (page: Page): string => page.url().split("/").at(-1)!;

async function read({ page }: Visit): Promise<void> {
  await choose(page, recording("english.flac"));
  await page.locator(".row-link").click(ENOUGH);
  await page.locator(".play").waitFor();
}

const clickText = (page: Page) =>
  page
    .locator(".para p")
    .first()
    .click({ position: { x: 60, y: 14 } });

async function play({ page }: Visit): Promise<void> {
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
  await page.locator(".toolbar button").first().click();
  await clickText(page);
  await page.keyboard.type("Nadia ");
}

async function find({ page }: Visit): Promise<void> {
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("the");
  await highlighted(page, "found");
}

async function openDownloads({ page }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  await page.locator(".menu > button").click();
}

async function showKeys({ page }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  await page.locator(".para p").first().focus();
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
}

/** As another device does it: by the API. */
async function changeElsewhere({ page, servers }: Visit): Promise<void> {
  await page.keyboard.press("Escape");
  const address = `${servers.open}/job/${jobId(page)}/transcript`;
  await expect.poll(async () => (await page.locator(".facts").textContent())!.split("·").length).toBeGreaterThan(2);
  await page.locator(".back").click();
  const found = await fetch(address);
  const sent = await fetch(address, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": found.headers.get("etag")! },
    body: JSON.stringify({ segments: [{ start: 0, end: 3, text: "Somebody else has written this sentence." }] }),
  });
  expect(sent.status).toBe(200);
  await page.locator(".row-link").click();
  await page.locator(".reader .notice").waitFor(ENOUGH);
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

export const readerStates: readonly State[] = [
  { name: "reader", reach: read },
  { name: "playing", reach: play },
  { name: "unsure", reach: showUnsure },
  { name: "correcting", reach: correct },
  { name: "find", reach: find },
  { name: "downloads", reach: openDownloads },
  { name: "keys", reach: showKeys },
  { name: "changed-elsewhere", reach: changeElsewhere },
  { name: "audio-gone", reach: loseAudio },
  { name: "not-here", reach: openUnknown },
];
