/** What a screen reader reads aloud, and what it has of a view. */
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Runs in the page: from now on each new text of a live region is added to `said`. */
export const recordAnnouncements = () => {
  const said: string[] = [];
  Object.assign(globalThis, { said });
  new MutationObserver((changes) => {
    const regions = changes.map(({ target }) =>
      (target instanceof Element ? target : target.parentElement)?.closest("[role=status], [role=alert]"),
    );
    for (const region of new Set(regions)) if (region?.textContent) said.push(region.textContent);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
};

export const readSaid = (page: Page): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as { said: string[] }).said);

/** What differs from run to run: sentences about the server and about progress. */
const SENTENCES = /^ *- (text|paragraph|term|definition)\b/;

/** The accessibility tree of the view once it stands still, without numbers, and without `dropped` lines. */
export async function treeOf(page: Page, dropped = SENTENCES): Promise<string> {
  let tree = "";
  const isStill = async () => tree === (tree = await readTree(page, dropped));
  await expect.poll(isStill).toBe(true);
  return tree;
}

async function readTree(page: Page, dropped: RegExp): Promise<string> {
  const lines = (await page.locator("main").ariaSnapshot()).split("\n").filter((line) => !dropped.test(line));
  return lines.join("\n").replace(/\d+([.:,/]\d+)*/g, "#");
}
