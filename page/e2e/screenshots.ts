/** Pictures of the page in its states: both languages, both themes, phone and desktop, into `page/screenshots`. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { choose, launch, openPage, recording, type Server, startServer } from "./environment";
import { makeSpeech } from "./speech";

const FOLDER = fileURLToPath(new URL("../screenshots", import.meta.url));
const ENOUGH = { timeout: 240_000 };

let server: Server;
let closed: Server;
let browser: Awaited<ReturnType<typeof launch>>;

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  [server, closed] = await Promise.all([startServer(), startServer({ ADMIN_KEY: "a".repeat(32) })]);
  browser = await launch(inject("chromium"));
});

afterAll(async () => {
  await browser.close();
  await Promise.all([server.stop(), closed.stop()]);
});

const SIZES = { phone: { width: 360, height: 720 }, desktop: { width: 1280, height: 860 } };

const looks = (["es", "en"] as const).flatMap((language) =>
  (["light", "dark"] as const).flatMap((colorScheme) =>
    (["phone", "desktop"] as const).map((size) => ({ language, colorScheme, size })),
  ),
);

test.each(looks)("$language $colorScheme $size", async ({ language, colorScheme, size }) => {
  const options = {
    locale: language === "es" ? "es-ES" : "en-GB",
    colorScheme,
    viewport: SIZES[size],
    reducedMotion: "reduce" as const,
    hasTouch: size === "phone",
  };
  const { page } = await openPage(browser, server.url, options);
  const shoot = (state: string) =>
    page.screenshot({ path: `${FOLDER}/${state}.${language}.${colorScheme}.${size}.png` });
  await list(page, shoot);
  await reader(page, shoot);
  await page.context().close();
  const { page: other } = await openPage(browser, closed.url, options);
  await other.locator(".sign-in").waitFor();
  await other.screenshot({ path: `${FOLDER}/sign-in.${language}.${colorScheme}.${size}.png` });
  await other.context().close();
});

type Shoot = (state: string) => Promise<unknown>;

async function list(page: Page, shoot: Shoot): Promise<void> {
  await page.locator(".drop .dim").first().waitFor();
  await shoot("empty");
  await page.locator("summary").click();
  await shoot("options");
  await page.locator("summary").click();
  await choose(page, { name: "vacio.mp3", mimeType: "audio/mpeg", buffer: Buffer.alloc(0) });
  await page.locator(".drop .problem").waitFor();
  await shoot("refused");
  await page.locator(".drop .problem button").click();
  await choose(page, recording("english.flac"), recording("spanish-queue.wav"));
  await expect.poll(() => page.locator(".row").count(), ENOUGH).toBe(2);
  await choose(page, { name: "sin sonido.mp3", mimeType: "audio/mpeg", buffer: Buffer.from("nothing") });
  await page.locator(".card .problem").waitFor(ENOUGH);
  // Cached texts come at once: this one is another recording each time.
  const long = await makeSpeech(120);
  long.writeInt16LE(Math.floor(Math.random() * 30_000), 60);
  await choose(page, { name: "Reunión del lunes.wav", mimeType: "audio/wav", buffer: long });
  await page.locator(".live").waitFor(ENOUGH);
  await shoot("hearing");
  await page.locator('[data-phase="hearing"] .actions button').click();
  await page.locator('[data-phase="cancelled"]').waitFor(ENOUGH);
  await page.locator(".row").last().scrollIntoViewIfNeeded();
  await shoot("history");
}

async function reader(page: Page, shoot: Shoot): Promise<void> {
  await page.locator(".row-link", { hasText: "english" }).click();
  await page.locator(".play").waitFor();
  await shoot("reader");
  const text = page.locator(".para p").first();
  await text.click({ position: { x: 120, y: 12 } });
  await expect.poll(() => page.evaluate(() => CSS.highlights.get("playing")?.size)).toBe(1);
  await page.keyboard.press("Escape");
  await shoot("playing");
  await page.locator(".toolbar button").first().click();
  await text.click({ position: { x: 120, y: 12 } });
  await page.keyboard.type("Nadia ");
  await shoot("correcting");
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("the");
  await expect.poll(() => page.evaluate(() => CSS.highlights.get("found")?.size ?? 0)).toBeGreaterThan(1);
  await shoot("find");
  await page.keyboard.press("Escape");
  await page.locator(".menu > button").click();
  await shoot("download");
  await page.keyboard.press("Escape");
  await text.focus();
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await shoot("keys");
}
