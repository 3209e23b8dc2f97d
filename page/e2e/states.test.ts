/** Access for all: what axe finds, what a finger hits, and what fits a small phone, in every state of the page. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProblems } from "./axe";
import { type Look, wear } from "./states/looks";
import { openAll } from "./states/servers";
import { walk, WAYS } from "./states/table";

let all: Awaited<ReturnType<typeof openAll>>;

beforeAll(async () => {
  all = await openAll();
});

afterAll(() => all.close());

/** Both languages at both sizes; `findProblems` looks at both themes. */
const LOOKS: readonly Look[] = [
  { language: "es", colorScheme: "dark", width: 320 },
  { language: "en", colorScheme: "dark", width: 1280 },
];

/** Controls of less than 44 px; a box to tick is hit by its label, and links within sentences are read, not hit. */
const smallTargets = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, summary")]
      .filter((element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }))
      .filter((element) => !element.matches(".skip, p a"))
      .map((element) => (element.matches("[type=checkbox], [type=radio]") ? element.closest("label")! : element))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 43.5 || box.height < 43.5)
      .map(({ element, box }) => `${element.outerHTML.slice(0, 90)} ${box.width} × ${box.height}`),
  );

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Lines of what a screen reader has of a state, in English. */
const TREES: Record<string, readonly string[]> = {
  cancelled: [
    'heading "In progress" [level=2]',
    'button "Try again: Reunión del lunes.wav"',
    'button "Delete: Reunión del lunes.wav"',
    'heading "Your texts" [level=2]',
  ],
  reader: [
    'link "All texts"',
    'heading "english.flac" [level=1]',
    'toolbar "Text of the recording"',
    'button "Undo" [disabled]',
    'region "Text of the recording"',
    'button "Play"',
    'slider "Position"',
  ],
};

async function missingLines(page: Page, name: string): Promise<string[]> {
  const tree = await page.locator("main").ariaSnapshot();
  return (TREES[name] ?? []).filter((line) => !tree.includes(line)).map((line) => `a screen reader has no ${line}`);
}

async function inspect(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const look of LOOKS) {
    await wear(page, look);
    const small = await smallTargets(page);
    const wide = (await overflow(page)) > 0 ? ["scrolls sideways"] : [];
    const where = `${look.language} ${look.width}`;
    found.push(...[...small, ...wide, ...(await findProblems(page))].map((problem) => `${where}: ${problem}`));
  }
  return found;
}

test.each(WAYS)("in every state of “$name” the page is for all", async (way) => {
  const found: Record<string, string[]> = {};
  await walk(
    way,
    { ...all, options: { viewport: { width: 320, height: 640 }, hasTouch: true } },
    async (page, name) => {
      const problems = [...(await inspect(page)), ...(await missingLines(page, name))];
      if (problems.length > 0) found[name] = problems;
    },
  );
  expect(found).toEqual({});
});
