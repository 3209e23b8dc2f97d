/** Correcting by what is no key: input methods, phones' keyboards, dictation, paste and drag. In a real Chromium. */
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { closePages, openPage, type Server, sharedBrowser, startServer } from "./environment";

const JOB = "00000000-0000-4000-8000-000000000001";
const TEXTS = ["one two three four five six", "seven eight nine ten"] as const;
const [FIRST] = TEXTS;

let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let page: Page;
let cdp: CDPSession;

beforeAll(async () => {
  server = await startServer();
  browser = await sharedBrowser();
  ({ page } = await openPage(browser, server.url, { viewport: { width: 900, height: 700 } }));
  cdp = await page.context().newCDPSession(page);
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
});

/** Two paragraphs in the page's own store: each word takes half a second. */
const fillStore = () =>
  page.evaluate(
    async ([jobId, texts]) => {
      let next = 0;
      const paragraphs = texts.map((text) => {
        const rows = [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => {
          next += 0.5;
          return [index, word.length, next - 0.5, next, 0];
        });
        return { text, numbers: Float64Array.from(rows.flat()) };
      });
      const opening = indexedDB.open("escriba-page");
      const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
      const transaction = db.transaction(["recordings", "texts"], "readwrite");
      const row = { jobId, filename: "typed", createdAt: 1, duration: 60, language: "en", excerpt: "", wordCount: 10 };
      transaction.objectStore("recordings").put({ ...row, editedAt: 0, etag: null, isUnsent: false });
      transaction.objectStore("texts").put({ jobId, paragraphs });
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      db.close();
    },
    [JOB, TEXTS] as const,
  );

beforeEach(async () => {
  await page.goto(`${server.url}/#/`);
  await page.locator(".drop").waitFor();
  await fillStore();
  await page.goto(`${server.url}/#/text/${JOB}`);
  await paragraph().waitFor();
});

const paragraph = (index = 0) => page.locator(".para p").nth(index);

/** The stored text of a paragraph, once it is this one, and when each of its words begins. */
async function startsOf(text: string, index = 0): Promise<number[]> {
  const read = () =>
    page.evaluate(
      async ([jobId, index]) => {
        const opening = indexedDB.open("escriba-page");
        const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
        const asked = db.transaction("texts").objectStore("texts").get(jobId);
        await new Promise((resolve) => (asked.onsuccess = resolve));
        db.close();
        const { text, numbers } = asked.result.paragraphs[index] as { text: string; numbers: Float64Array };
        return { text, starts: [...numbers].filter((_, i) => i % 5 === 2) };
      },
      [JOB, index] as const,
    );
  await expect.poll(async () => (await read()).text).toBe(text);
  await expect.poll(() => paragraph(index).textContent()).toBe(text);
  return (await read()).starts;
}

/** Begins to correct a paragraph with these letters chosen, or with the caret at one place. */
async function select(from: number, to = from, index = 0): Promise<void> {
  await paragraph(index).focus();
  if ((await paragraph(index).getAttribute("role")) !== "textbox") await page.keyboard.press("Enter");
  await page.locator(".para p[role=textbox]").waitFor();
  await paragraph(index).evaluate(
    (element, [from, to]) => {
      const letters = element.firstChild!;
      getSelection()!.setBaseAndExtent(letters, from!, letters, to!);
    },
    [from, to],
  );
}

const compose = (text: string) =>
  cdp.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
const insert = (text: string) => cdp.send("Input.insertText", { text });
const undo = () => page.keyboard.press("Control+z");

/** One undo gives the text as it was, with its times, and redo what was typed. */
async function undoesInOneStep(text: string): Promise<void> {
  const starts = await startsOf(text);
  await undo();
  expect(await startsOf(FIRST)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  await page.keyboard.press("Control+Shift+z");
  expect(await startsOf(text)).toEqual(starts); // which waits until it is stored
}

test("what an input method composes is one step, however long it takes, and the other words keep their times", async () => {
  await select(4, 7);
  for (const letters of ["に", "にほ", "にほん"]) await compose(letters);
  await page.waitForTimeout(1_100); // longer than the rest that ends a step of typing
  await compose("日本");
  await insert("日本");
  const text = "one 日本 three four five six";
  expect(await startsOf(text)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  await undoesInOneStep(text);
});

test("letters that are still composed stay when the person goes elsewhere, or undoes", async () => {
  await select(FIRST.length);
  await compose(" sev");
  await page.locator(".facts").click();
  expect((await startsOf(`${FIRST} sev`)).slice(0, 6)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  await select(0, 0, 1);
  await compose("ze");
  await page.getByRole("button", { name: "Undo" }).click();
  await startsOf(TEXTS[1], 1);
  await startsOf(`${FIRST} sev`);
});

test("a phone's keyboard writes without key codes, and puts a better word in the place of one", async () => {
  await select(FIRST.length);
  for (const letter of [" ", "s", "e", "v", "n"]) {
    const key = { key: "Unidentified", windowsVirtualKeyCode: 229 };
    await cdp.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...key });
    await insert(letter);
    await cdp.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  }
  const start = FIRST.length + 1;
  await cdp.send("Input.imeSetComposition", {
    ...{ text: "seven", selectionStart: 5, selectionEnd: 5 },
    ...{ replacementStart: start, replacementEnd: start + 4 },
  });
  await insert("seven");
  const text = `${FIRST} seven`;
  expect((await startsOf(text)).slice(0, 6)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  await undoesInOneStep(text);
});

test("a dictated sentence shares the time between its neighbours", async () => {
  await select(8);
  await insert("and then somebody says\nmore ");
  const text = "one two and then somebody says more three four five six";
  const starts = await startsOf(text);
  expect([starts[0], ...starts.slice(7)]).toEqual([0, 1, 1.5, 2, 2.5]);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  await undoesInOneStep(text);
});

test("styled text of several lines is pasted as one line of letters, and the caret stands behind it", async () => {
  await page.evaluate(() => getSelection()!.selectAllChildren(document.querySelector(".text")!));
  await page.keyboard.press("Control+c");
  await select(FIRST.length);
  await page.keyboard.type(" ");
  await page.keyboard.press("Control+v");
  await page.keyboard.type("!");
  expect(await paragraph().locator("*").count()).toBe(0);
  await expect.poll(() => paragraph().textContent()).toMatch(/^one .* six one two .* nine ten!$/);
  const text = await paragraph().textContent();
  expect((await startsOf(text!)).slice(0, 6)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  await undoesInOneStep(text!);
});

test("a word that is dragged stands where it is dropped", async () => {
  await select(4, 8);
  const at = (offset: number) =>
    paragraph().evaluate((element, offset) => {
      const range = document.createRange();
      range.setStart(element.firstChild!, offset);
      range.setEnd(element.firstChild!, offset + 1);
      const { left, top, height } = range.getBoundingClientRect();
      return { x: left + 1, y: top + height / 2 };
    }, offset);
  const [from, to] = [await at(5), await at(19)];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x - 20, to.y, { steps: 3 });
  await page.mouse.move(to.x, to.y);
  await page.mouse.up();
  const text = "one three four two five six";
  const starts = await startsOf(text);
  expect([starts[0], starts[1], starts[2], starts[4], starts[5]]).toEqual([0, 1, 1.5, 2, 2.5]);
  await undoesInOneStep(text);
});

test("of the paragraphs that undo leads through only one can be written in", async () => {
  await select(0);
  await page.keyboard.type("A ");
  await select(0, 0, 1);
  await page.keyboard.type("B ");
  await undo();
  await undo();
  await expect.poll(() => paragraph().textContent()).toBe(FIRST);
  await expect.poll(() => page.locator(".para [contenteditable]").count()).toBe(1);
});

test("a text without speakers gets one by a button", async () => {
  await page.getByRole("button", { name: "Who speaks" }).click();
  await page.locator("dialog.speakers").getByRole("button", { name: "Somebody else" }).click();
  await expect.poll(() => page.locator("button.speaker").allTextContents()).toEqual(["A"]);
  await expect.poll(() => paragraph().evaluate((element) => element === document.activeElement)).toBe(true);
});
