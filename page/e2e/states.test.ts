/** Access for all: what axe finds, what a finger hits, and what fits a small phone, in every state of the page. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findBesideColours, findProblems } from "./axe";
import { choose, openPage, recording } from "./environment";
import { type Look, wear } from "./states/looks";
import { openAll } from "./states/servers";
import { walk, WAYS } from "./states/table";

let all: Awaited<ReturnType<typeof openAll>>;

beforeAll(async () => {
  all = await openAll();
});

afterAll(() => all.close());

const PHONE = 320;

/** Both languages and both sizes; both themes on the phone, where all the colours of a wide screen are. */
const LOOKS: readonly Look[] = [
  { language: "es", colorScheme: "dark", width: PHONE },
  { language: "en", colorScheme: "light", width: 1280 },
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

/** Lines of what a screen reader has of a state. Those in Spanish are of notices that came when the page was English. */
const TREES: Record<Look["language"], Record<string, readonly string[]>> = {
  es: {
    refused: ["«vacío.mp3» tiene 0 bytes"],
    deleted: ["«english.flac» se ha eliminado."],
    update: ["Hay una versión más nueva de esta página."],
  },
  en: {
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
  },
};

async function missingLines(page: Page, lines: readonly string[] = []): Promise<string[]> {
  if (lines.length === 0) return [];
  const tree = await page.locator("body").ariaSnapshot();
  return lines.filter((line) => !tree.includes(line)).map((line) => `a screen reader has no ${line}`);
}

async function inspect(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const look of LOOKS) {
    await wear(page, look);
    const problems = [
      ...(await smallTargets(page)),
      ...((await overflow(page)) > 0 ? ["scrolls sideways"] : []),
      ...(await missingLines(page, TREES[look.language][name])),
      ...(await (look.width === PHONE ? findProblems : findBesideColours)(page, look.colorScheme)),
    ];
    found.push(...problems.map((problem) => `${look.language} ${look.width}: ${problem}`));
  }
  return found;
}

test.each(WAYS)("in every state of “$name” the page is for all", async (way) => {
  const found: Record<string, string[]> = {};
  await walk(
    way,
    { ...all, options: { viewport: { width: 320, height: 640 }, hasTouch: true } },
    async (page, name) => {
      const problems = await inspect(page, name);
      if (problems.length > 0) found[name] = problems;
    },
  );
  expect(found).toEqual({});
});

/** Whether the text looks otherwise once the marks of this name are taken away. */
async function isSeen(page: Page, name: string): Promise<boolean> {
  const text = page.locator(".para p").first();
  const marked = await text.screenshot();
  await page.evaluate((name) => CSS.highlights.delete(name), name);
  return !marked.equals(await text.screenshot());
}

/** The first words, as if the engine had been unsure of them: it was not in this recording. */
const doubt = (page: Page) =>
  page.evaluate(() => {
    const range = new Range();
    const words = document.querySelector(".para p")!.firstChild!;
    range.setStart(words, 0);
    range.setEnd(words, 20);
    CSS.highlights.set("unsure", new Highlight(range));
  });

/** The colours of the waveform, and that of the ground behind it. */
const waveform = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>(".timeline canvas")!;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set<string>();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add(String(data.slice(i, i + 3)));
    const ground = getComputedStyle(document.querySelector(".player")!).backgroundColor;
    return {
      colours: [...colours].map((one) => one.split(",").map(Number)),
      ground: ground.match(/\d+/g)!.map(Number),
    };
  });

test("in the system's high contrast the playing word, unsure words, waveform and focus are seen", async () => {
  const { page } = await openPage(all.browser, all.servers.open, { forcedColors: "active", colorScheme: "dark" });
  await choose(page, recording("english.flac"));
  await page.locator(".row-link").click();
  const text = page.locator(".para p").first();
  await text.click({ position: { x: 60, y: 14 } });
  const has = (name: string) => page.evaluate((name) => CSS.highlights.has(name), name);
  await expect.poll(() => has("playing")).toBe(true);
  await page.keyboard.press("Escape");
  expect(await isSeen(page, "playing")).toBe(true);
  await doubt(page);
  expect(await isSeen(page, "unsure")).toBe(true);
  const { colours, ground } = await waveform(page);
  expect(colours).not.toEqual([]);
  expect(colours).not.toContainEqual(ground);
  await page.keyboard.press("Tab");
  const style = () => page.evaluate(() => getComputedStyle(document.activeElement!).outline);
  expect(await style()).toMatch(/solid [23]px/);
  await page.context().close();
});
