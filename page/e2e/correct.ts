/** Corrects the open text as a person does it with the mouse and the keyboard. */
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Replaces a word of the first paragraph, counted from 0: two clicks begin the correction, two more choose the word. */
export async function replaceWord(page: Page, index: number, word: string): Promise<void> {
  const button = page.getByRole("button", { name: "Correct", exact: true });
  await button.click();
  await expect.poll(() => button.getAttribute("aria-pressed")).toBe("true");
  const { x, y } = await centreOf(page, index);
  await page.mouse.dblclick(x, y);
  await page.locator(".para p[role=textbox]").waitFor();
  await page.mouse.dblclick(x, y);
  await expect.poll(() => page.evaluate(() => String(getSelection()).trim())).not.toBe("");
  await page.keyboard.type(word);
}

/** The middle of a word of the first paragraph on the screen, once the paragraph stands still. */
export async function centreOf(page: Page, index: number): Promise<{ x: number; y: number }> {
  await page.locator(".para p").first().hover(); // which waits until it does
  return page.evaluate((index) => {
    const text = document.querySelector(".para p")!.firstChild!;
    const words = [...text.textContent!.matchAll(/\S+/g)];
    const { 0: word, index: at } = words[index]!;
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + word.length);
    const { left, top, width, height } = range.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  }, index);
}
