/** What has the focus, as a screen reader names it, and whether eyes see it there. */
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Role and name, and what is wrong with its ring where something is. */
export async function focused(page: Page): Promise<string> {
  if (await page.evaluate(() => document.activeElement === document.body)) return "nothing";
  const problem = await page.evaluate(ringProblem);
  const tree = await page.locator("*:focus").ariaSnapshot({ timeout: 5_000 }); // it may lose the focus meanwhile
  const line = /^- '?(\w+(?: "(?:[^"\\]|\\.)*")?)/.exec(tree)?.[1]; // without its state and value
  return `${line ?? tree}${problem ? ` (${problem})` : ""}`;
}

export async function expectFocus(page: Page, name: string | RegExp): Promise<void> {
  const wanted = typeof name === "string" ? name : (expect.stringMatching(name) as unknown);
  await expect.poll(() => focused(page)).toEqual(wanted);
}

/** Presses a key as often as there are names: each time that one gets the focus. */
export async function press(page: Page, key: string, ...names: string[]): Promise<void> {
  for (const name of names) {
    await page.keyboard.press(key);
    await expectFocus(page, name);
  }
}

/** A dialog gives the focus back as it closes; what it does besides comes with the browser's next frame. */
export const whenClosed = (page: Page) =>
  page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => setTimeout(done))));

/** Runs in the page. Null where a line of two pixels stands out around the control, and nothing cuts it off. */
function ringProblem(): string | null {
  const element = document.activeElement as HTMLElement;
  if (element === document.body || element.id === "content") return null; // the page itself has no ring
  const style = getComputedStyle(element);
  const width = parseFloat(style.outlineWidth);
  if (style.outlineStyle === "none" || width < 2) return "no ring";
  const grow = width + parseFloat(style.outlineOffset);
  const box = element.getBoundingClientRect();
  const cuts = (one: Element) => {
    const { overflowX, overflowY, contentVisibility } = getComputedStyle(one);
    if (`${overflowX}${overflowY}${contentVisibility}` === "visiblevisiblevisible") return false;
    const edge = one.getBoundingClientRect();
    const [left, right] = [edge.left - box.left + grow, box.right + grow - edge.right];
    const [top, bottom] = [edge.top - box.top + grow, box.bottom + grow - edge.bottom];
    return Math.max(left, right, top, bottom) > 0.5 && !(one.scrollHeight > one.clientHeight);
  };
  const luminance = (colour: string) => {
    const [r, g, b] = colour.match(/[\d.]+/g)!.map((one) => {
      const share = Number(one) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const around: Element[] = [];
  for (let one = element.parentElement; one; one = one.parentElement) around.push(one);
  if (around.some((one) => one !== document.body && one !== document.documentElement && cuts(one)))
    return "ring cut off";
  const grounds = grow <= 0 ? [element, ...around] : around;
  const ground = grounds.map((one) => getComputedStyle(one).backgroundColor).find((one) => !/, 0\)$/.test(one));
  const [dark, light] = [luminance(style.outlineColor), luminance(ground ?? "rgb(255, 255, 255)")].sort(
    (a, b) => a - b,
  );
  return (light! + 0.05) / (dark! + 0.05) >= 3 ? null : `ring of ${style.outlineColor} on ${ground}`;
}
