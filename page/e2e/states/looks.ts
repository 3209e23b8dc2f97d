/** Shows the same state in another language, theme or size, without leaving it. */
import type { Page } from "playwright-core";

export type Look = { language: "es" | "en"; colorScheme: "light" | "dark"; width: number };

const HEIGHTS: Record<number, number> = { 320: 640, 360: 720, 390: 844, 1100: 760, 1280: 860, 3840: 2160 };

export async function wear(page: Page, { language, colorScheme, width }: Look): Promise<void> {
  await page.setViewportSize({ width, height: HEIGHTS[width]! });
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  // By the element itself: behind a dialog it cannot be clicked, and a click would close a menu.
  await page.evaluate(
    (language) => document.querySelector<HTMLElement>(`.head button[lang=${language}]`)?.click(),
    language,
  );
  await page.locator(`html[lang=${language}]`).waitFor();
}
