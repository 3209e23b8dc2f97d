/** All of the page by keyboard: what gets the focus, in which order, and where it goes when its control goes away. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSaid, recordAnnouncements, treeOf } from "./announcements";
import { type Engine, SENTENCES, startEngine } from "./engine";
import { choose, closePages, openPage, recording, type Server, sharedBrowser, startServer } from "./environment";
import { expectFocus as expectFocusIn, focused, press as pressIn, whenClosed } from "./focus";
import { makeSpeech } from "./speech";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
let engine: Engine;
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let page: Page;
let problems: string[];

beforeAll(async () => {
  engine = await startEngine(SENTENCES);
  engine.hold();
  server = await startServer({ ADMIN_KEY, ANONYMOUS_ACCESS: "true", SPEAKERS: "false", ...engine.settings });
  browser = await sharedBrowser();
  ({ page, problems } = await openPage(browser, server.url));
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
  engine.close();
});

const enter = () => page.keyboard.press("Enter");

/** Puts the focus there without a press of a key. */
const start = (role: "button" | "link" | "heading", name: string) =>
  page.getByRole(role, { name, exact: true }).first().focus();

const expectFocus = (name: string | RegExp) => expectFocusIn(page, name);
const press = (key: string, ...names: string[]) => pressIn(page, key, ...names);
const isAt = (selector: string) =>
  page.evaluate((selector) => document.activeElement!.closest(selector) !== null, selector);

describe("the first view", () => {
  test("is walked through from its top to its foot", async () => {
    await page.getByText("up to 200 MB").waitFor();
    await press(
      "Tab",
      'link "Skip to the content"',
      'link "Escriba"',
      'combobox "Colours"',
      'button "Español"',
      'button "Choose files"',
      'link "Record"',
      'textbox "Link to a recording"',
      "text",
      'link "API for programs"',
    );
  });

  test("says in its options that the server cannot tell speakers apart, and does not ask for it", async () => {
    await page.evaluate(() => localStorage.setItem("escriba:page", JSON.stringify({ speakers: "2" })));
    await page.reload();
    await page.getByText("up to 200 MB").waitFor();
    await page.locator("summary", { hasText: "Options" }).focus();
    await enter();
    const speakers = page.getByLabel("Tell speakers apart");
    await expect.poll(() => speakers.isDisabled()).toBe(true);
    await expect.poll(() => speakers.locator("option:checked").textContent()).toBe("this server cannot");
    await press(
      "Tab",
      'combobox "Spoken language"',
      'textbox "Names and words that occur"',
      'checkbox "Translate into English"',
      'checkbox "Leave out text that nobody said"',
    );
    await page.locator("summary", { hasText: "Options" }).focus();
    await enter();
  });

  test("keeps the focus with a recording that is heard, cancelled, deleted, brought back, and becomes text", async () => {
    await page.evaluate(recordAnnouncements);
    await choose(page, { name: "first.wav", mimeType: "audio/wav", buffer: await makeSpeech(24) });
    await page.locator('[data-phase="hearing"]').waitFor();
    await choose(page, recording("spanish-busy.wav"));
    await page.locator('[data-phase="hearing"] ~ [data-phase="hearing"]').waitFor();
    await expect.poll(() => page.locator(".card progress").count()).toBe(2);
    expect(await treeOf(page)).toMatchInlineSnapshot(`
      "- main:
        - 'heading "Escriba: Recordings to text" [level=#]'
        - region "Drop recordings here":
          - button "Choose files"
          - link "Record":
            - /url: "#/record"
          - textbox "Link to a recording":
            - /placeholder: "Link to a recording: https://…"
          - button "Transcribe the link" [disabled]
          - alert
          - group: Options
        - region "In progress":
          - heading "In progress" [level=#]
          - list:
            - listitem:
              - strong: spanish-busy.wav
              - status: "spanish-busy.wav: The server listens"
              - progressbar "spanish-busy.wav"
              - 'button "Cancel: spanish-busy.wav"': Cancel
            - listitem:
              - strong: first.wav
              - status: "first.wav: The server listens"
              - progressbar "first.wav"
              - 'button "Cancel: first.wav"': Cancel
        - region "Your texts":
          - heading "Your texts" [level=#]"
    `);
    await page.locator("summary", { hasText: "Options" }).focus();
    await press("Tab", 'button "Cancel: spanish-busy.wav"', 'button "Cancel: first.wav"');

    await start("button", "Cancel: spanish-busy.wav");
    await enter();
    await page.locator('[data-phase="cancelled"]').waitFor();
    await expect.poll(() => isAt("[data-phase=cancelled]")).toBe(true);
    await start("button", "Delete: spanish-busy.wav");
    await enter();
    await expectFocus('button "Cancel: first.wav"');
    await page.keyboard.press("Control+z");
    await expectFocus('button "Try again: spanish-busy.wav"');
    await press("Tab", 'button "Delete: spanish-busy.wav"');
    await enter();
    await start("button", "Undo");
    await expectFocus('button "Undo"');
    await enter();
    await expectFocus('button "Try again: spanish-busy.wav"');

    await start("button", "Cancel: first.wav");
    engine.release();
    await page.locator(".row").waitFor();
    await expectFocus(/^link "first\.wav/);
    const said = async () => (await readSaid(page)).filter((one) => one.includes("first.wav"));
    const wanted = ["first.wav: The server listens", expect.stringMatching(/^Ready: first\.wav/) as unknown];
    await expect.poll(said).toEqual(wanted);
  });
});

/** Which paragraph has the focus, counted from 0. */
const paragraph = () =>
  page.evaluate(() => [...document.querySelectorAll(".para p")].indexOf(document.activeElement as HTMLElement));

const isInDialog = () => isAt("dialog");

describe("a text", () => {
  test("is opened, and its tools are one stop of the tab key", async () => {
    await enter();
    await page.locator(".para p").first().waitFor();
    await page.getByRole("button", { name: "Play" }).waitFor();
    expect(await treeOf(page, /- (option|status|text|paragraph)/)).toMatchInlineSnapshot(`
      "- main:
        - article:
          - link "All texts":
            - /url: "#/"
          - heading "first.wav" [level=#]
          - toolbar "Text of the recording":
            - button "Correct"
            - button "Undo" [disabled]
            - button "Redo" [disabled]
            - button "Find"
            - button "Unsure words"
            - button "Who speaks"
            - button "Copy"
            - button "Download"
            - button "Keys"
          - region "Text of the recording":
            - button "Hear from #": #
            - button "Hear from #": #
            - button "Hear from #": #
          - group "Position":
            - slider "Position": "#"
            - button "−# s": −#
            - button "Play"
            - button "+# s": "+#"
            - combobox "Speed":"
    `);
    await press(
      "Tab",
      'link "All texts"',
      'button "Correct"',
      "paragraph",
      'slider "Position"',
      'button "−5 s"',
      'button "Play"',
      'button "+5 s"',
      'combobox "Speed"',
      'link "API for programs"',
    );
    await start("button", "Correct");
    const tools = ["Find", "Unsure words", "Who speaks", "Copy", "Download", "Keys", "Correct"];
    await press("ArrowRight", ...tools.map((name) => `button "${name}"`));
    await press("End", 'button "Keys"');
    await press("Tab", "paragraph");
    await press("Shift+Tab", 'button "Keys"');
  });

  test("is searched; what was found has the focus afterwards, and is heard from there", async () => {
    await page.keyboard.press("Control+f");
    await expectFocus('searchbox "Find in this text"');
    await page.keyboard.type("crate");
    await page.getByText("1 of 1").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(paragraph).toBe(1);
    await page.keyboard.press("ArrowDown");
    await expect.poll(paragraph).toBe(2);
    await page.keyboard.press("ArrowUp");
    await expect.poll(paragraph).toBe(1);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await expect.poll(() => page.locator(".clock").textContent()).toMatch(/^0:(0[89]|[12]\d) /);
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    await start("button", "Find");
    await enter();
    await expectFocus('searchbox "Find in this text"');
    await press("Tab", 'button "Previous"', 'button "Next"', 'button "Close"', 'combobox "Replace with"');
    await page.keyboard.press("Escape");
    await expectFocus('button "Find"');
  });

  test("shows dialogs that keep the focus, and give it back", async () => {
    await page.locator(".para p").nth(1).focus();
    await expect.poll(paragraph).toBe(1);
    for (const [key, name] of [
      ["?", "Keys"],
      ["s", "Who speaks"],
    ] as const) {
      await page.keyboard.press(key);
      await page.locator("dialog[open]", { hasText: name }).waitFor();
      await expect.poll(isInDialog).toBe(true);
      for (let i = 0; i < 3; i += 1) {
        await page.keyboard.press("Tab");
        expect((await isInDialog()) || (await focused(page)) === "nothing").toBe(true);
      }
      await page.keyboard.press("Escape");
      await whenClosed(page);
      await expect.poll(paragraph).toBe(1);
    }
    await start("button", "Keys");
    await enter();
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await expectFocus('button "Keys"');
  });

  test("is corrected and undone, and the focus stays at the tools when there is no more to undo", async () => {
    await page.locator(".para p").nth(1).focus();
    await enter();
    await expectFocus('textbox "Paragraph at 0:08"');
    await page.keyboard.type("X"); // one letter is one step back
    await page.keyboard.press("Escape");
    await expect.poll(paragraph).toBe(1);
    await start("button", "Undo");
    await enter();
    await expectFocus('button "Redo"');
    await expect.poll(() => page.locator(".para p").nth(1).textContent()).toMatch(/^Nadia/);
  });

  test("is taken away by the arrow keys of its menu", async () => {
    await start("button", "Download");
    await enter();
    await page.locator(".menu-list").waitFor();
    await press("Tab", 'button "Text (.txt)"');
    await page.keyboard.press("ArrowDown");
    await expectFocus(/^button "(?!Text \(\.txt\))/);
    await press("ArrowUp", 'button "Text (.txt)"');
    const [file] = await Promise.all([page.waitForEvent("download"), enter()]);
    expect(file.suggestedFilename()).toBe("first.txt");
    await expectFocus('button "Download"');
    await enter();
    await page.locator(".menu-list").waitFor();
    await press("Tab", 'button "Text (.txt)"');
    await page.keyboard.press("Escape");
    await expectFocus('button "Download"');
  });
});

describe("the recorder", () => {
  test("is used by keyboard, and what it kept is deleted and brought back", async () => {
    await start("link", "All texts");
    await enter();
    await page.getByRole("link", { name: "Record", exact: true }).focus();
    await enter();
    await page.getByRole("button", { name: "Start recording" }).waitFor();
    await expectFocus("main"); // where another view begins
    await press(
      "Tab",
      'link "All texts"',
      'radio "The microphone"',
      'checkbox "Show the text while I speak"',
      'button "Start recording"',
    );
    await page.evaluate(recordAnnouncements);
    await enter();
    await expectFocus('button "Pause"');
    await page.locator(".clock", { hasText: /0:(0[3-9]|[1-5]\d)/ }).waitFor();
    expect(await treeOf(page)).toMatchInlineSnapshot(`
      "- main:
        - link "All texts":
          - /url: "#/"
        - region "Record":
          - heading "Record" [level=#]
            - status: Recording
          - status
          - alert
          - button "Pause"
          - button "Mark this moment"
          - button "Stop, and make it text"
          - button "Stop, and keep it""
    `);
    expect(await readSaid(page)).toEqual([]); // no second is read aloud, and the focus says that it runs
    await press("Tab", 'button "Mark this moment"', 'button "Stop, and make it text"', 'button "Stop, and keep it"');
    await enter();
    await page.locator(".kept .card").waitFor();
    await expect.poll(() => isAt(".record")).toBe(true);
    await page.getByRole("button", { name: "Delete: " }).focus();
    await enter();
    await expect.poll(() => page.locator(".kept .card").count()).toBe(0);
    await expect.poll(() => focused(page)).not.toBe("nothing");
    await page.keyboard.press("Control+z");
    await expectFocus(/^button "Make it text: /);
  });
});

describe("the dashboard", () => {
  const show = (name: string) => page.getByRole("link", { name, exact: true }).focus().then(enter);

  test("is entered by keyboard, and its tabs and tables are walked through", async () => {
    await page.goto(`${server.url}/admin`);
    await page.getByLabel("Access key").focus();
    await page.keyboard.type(ADMIN_KEY);
    await enter();
    await page.locator('[data-connection="live"]').waitFor();
    await page.getByText("The server accepts new work.").waitFor();
    await expectFocus("main");
    const tabs = ["Now", "History", "Jobs", "Keys", "Actions"].map((name) => `link "${name}"`);
    await press("Tab", ...tabs, 'textbox "Reason for the pause"', 'button "Pause"');
    await show("Actions");
    await expectFocus('link "Actions"');
    await show("Now");
    await page.locator('[data-connection="live"]').waitFor();
    await page.getByText("The server accepts new work.").waitFor();
    expect(await treeOf(page)).toMatchInlineSnapshot(`
      "- main:
        - heading "Dashboard" [level=#]
        - navigation "Dashboard":
          - link "Now":
            - /url: "#/admin/now"
          - link "History":
            - /url: "#/admin/history"
          - link "Jobs":
            - /url: "#/admin/jobs"
          - link "Keys":
            - /url: "#/admin/keys"
          - link "Actions":
            - /url: "#/admin/log"
          - status: Live
        - textbox "Reason for the pause"
        - button "Pause"
        - region "Jobs":
          - heading "Jobs" [level=#]
        - region "Quota left at the engine":
          - heading "Quota left at the engine" [level=#]
        - region "This process":
          - heading "This process" [level=#]
          - progressbar "Recordings stored""
    `);
    await page.evaluate(recordAnnouncements);
    const pause = (method: string) =>
      fetch(`${server.url}/admin/pause`, { method, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    await pause("PUT");
    await page.getByText("Paused by admin").waitFor();
    await pause("DELETE");
    await page.getByText("The server accepts new work.").waitFor();
    expect(await readSaid(page)).toEqual([]); // not each reading
  });

  test("asks in dialogs that give the focus back, also where the control went away", async () => {
    await show("Keys");
    await start("button", "Make a key");
    await enter();
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await whenClosed(page);
    await expectFocus('button "Make a key"');
    await enter();
    await page.locator("dialog[open]").waitFor(); // else the first letters go elsewhere
    await page.getByLabel("Name: who uses it, where").focus();
    await page.keyboard.type("the library");
    await enter();
    await page.locator(".once").waitFor();
    await expectFocus('button "Make a key"');
    await page.locator(".once").getByRole("button", { name: "Close" }).focus();
    await enter();
    await expectFocus(/^button /);
    await start("button", "Revoke: the library");
    await enter();
    await page.locator("dialog[open]").waitFor();
    await expectFocus('button "Cancel"');
    await enter();
    await whenClosed(page);
    await expectFocus('button "Revoke: the library"');
    await enter();
    await page.locator("dialog[open]").waitFor();
    await press("Tab", 'button "Revoke"');
    await enter();
    await page.locator(".card", { hasText: "revoked" }).waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement!.hasAttribute("data-key"))).toBe(true);
    await show("Actions");
    await page.locator("td", { hasText: "revoked a key" }).waitFor();
    await expectFocus('link "Actions"');
    await press("Tab", 'button "Refresh"', 'region "Actions"');
    await press("Shift+Tab", 'button "Refresh"');
    await enter();
    await expectFocus('button "Refresh"');
  });
});

test("nothing of it breaks the page's policy", () => {
  expect(problems).toEqual([]);
});
