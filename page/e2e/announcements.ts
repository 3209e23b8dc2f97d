/** What a screen reader reads aloud, and what it has of a view. */
import type { Page } from "playwright-core";

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

/** The accessibility tree of the view, without numbers, which differ from run to run. */
export const treeOf = async (page: Page): Promise<string> =>
  (await page.locator("main").ariaSnapshot()).replace(/\d+([.:,/]\d+)*/g, "#");
