/** What has the focus, as a screen reader names it, and whether eyes see it there. */
import type { Page } from "playwright-core";

/** Role and name, and what is wrong with its ring where something is. */
export async function focused(page: Page): Promise<string> {
  if (await page.evaluate(() => document.activeElement === document.body)) return "nothing";
  const problem = await page.evaluate(ringProblem);
  const tree = await page.locator("*:focus").ariaSnapshot();
  const line = /^- '?(\w+(?: "(?:[^"\\]|\\.)*")?)/.exec(tree)?.[1]; // without its state and value
  return `${line ?? tree}${problem ? ` (${problem})` : ""}`;
}

/** What gets the focus with each press of a key. */
export async function press(page: Page, key: string, times = 1): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < times; i += 1) {
    await page.keyboard.press(key);
    names.push(await focused(page));
  }
  return names;
}

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
