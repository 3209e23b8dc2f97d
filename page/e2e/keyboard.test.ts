/** All of the page by keyboard: what gets the focus, in which order, and where it goes when its control goes away. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { readSaid, recordAnnouncements, treeOf } from "./announcements";
import { choose, launch, openPage, recording, type Server, startServer } from "./environment";
import { focused, press } from "./focus";
import { type HeldEngine, startHeldEngine } from "./heldEngine";
import { makeSpeech } from "./speech";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
const ENOUGH = { timeout: 60_000 };

let engine: HeldEngine;
let server: Server;
let browser: Awaited<ReturnType<typeof launch>>;
let page: Page;
let problems: string[];

beforeAll(async () => {
  engine = await startHeldEngine(3);
  server = await startServer({ ADMIN_KEY, ANONYMOUS_ACCESS: "true", SPEAKERS: "false", ...engine.settings });
  browser = await launch(inject("chromium"), "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
  ({ page, problems } = await openPage(browser, server.url));
});

afterAll(async () => {
  await browser.close();
  await server.stop();
  engine.close();
});

const enter = () => page.keyboard.press("Enter");

/** Puts the focus there without a press of a key. */
const start = (role: "button" | "link" | "heading", name: string) =>
  page.getByRole(role, { name, exact: true }).first().focus();

const expectFocus = (name: string) => expect.poll(() => focused(page), ENOUGH).toBe(name);

describe("the first view", () => {
  test("is walked through from its top to its foot", async () => {
    await page.getByText("up to 200 MB").waitFor();
    expect(await press(page, "Tab", 8)).toEqual([
      'link "Skip to the content"',
      'link "Escriba"',
      'combobox "Colours"',
      'button "Español"',
      'button "Choose files"',
      'link "Record"',
      'textbox "Link to a recording"',
      "text",
    ]);
    expect(await press(page, "Tab")).toEqual(['link "API for programs"']);
  });

  test("says in its options that the server cannot tell speakers apart, and does not ask for it", async () => {
    await page.evaluate(() => localStorage.setItem("escriba:page", JSON.stringify({ speakers: "2" })));
    await page.reload();
    await page.getByText("up to 200 MB").waitFor();
    await page.locator("summary", { hasText: "Options" }).focus();
    await enter();
    const speakers = page.getByLabel("Tell speakers apart");
    expect(await speakers.isDisabled()).toBe(true);
    expect(await speakers.locator("option:checked").textContent()).toBe("this server cannot");
    expect(await press(page, "Tab", 4)).toEqual([
      'combobox "Spoken language"',
      'textbox "Names and words that occur"',
      'checkbox "Translate into English"',
      'checkbox "Leave out text that nobody said"',
    ]);
    await page.locator("summary", { hasText: "Options" }).focus();
    await enter();
  });

  test("keeps the focus with a recording that is heard, cancelled, deleted, brought back, and becomes text", async () => {
    await page.evaluate(recordAnnouncements);
    await choose(page, { name: "first.wav", mimeType: "audio/wav", buffer: await makeSpeech(24) });
    await page.locator('[data-phase="hearing"]').waitFor(ENOUGH);
    await choose(page, recording("spanish-busy.wav"));
    await page.locator('[data-phase="hearing"] ~ [data-phase="hearing"]').waitFor(ENOUGH);
    await expect.poll(() => page.locator(".card progress").count(), ENOUGH).toBe(2);
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
    const cancels = ['button "Cancel: first.wav"', 'button "Cancel: spanish-busy.wav"'].sort();
    expect((await press(page, "Tab", 2)).sort()).toEqual(cancels);

    await start("button", "Cancel: spanish-busy.wav");
    await enter();
    await page.locator('[data-phase="cancelled"]').waitFor(ENOUGH);
    expect(await page.evaluate(() => document.activeElement!.closest("[data-phase=cancelled]"))).not.toBeNull();
    await start("button", "Delete: spanish-busy.wav");
    await enter();
    await expectFocus('button "Cancel: first.wav"');
    await page.keyboard.press("Control+z");
    await expectFocus('button "Try again: spanish-busy.wav"');
    expect(await press(page, "Tab")).toEqual(['button "Delete: spanish-busy.wav"']);
    await enter();
    await start("button", "Undo");
    expect(await focused(page)).toBe('button "Undo"');
    await enter();
    await expectFocus('button "Try again: spanish-busy.wav"');

    await start("button", "Cancel: first.wav");
    engine.release();
    await page.locator(".row").waitFor(ENOUGH);
    await expect.poll(() => focused(page), ENOUGH).toMatch(/^link "first\.wav/);
    const said = (await readSaid(page)).filter((one) => one.includes("first.wav"));
    expect(said).toEqual(["first.wav: The server listens", expect.stringMatching(/^Ready: first\.wav/)]);
  });
});

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
    expect(await press(page, "Tab", 9)).toEqual([
      'link "All texts"',
      'button "Correct"',
      "paragraph",
      'slider "Position"',
      'button "−5 s"',
      'button "Play"',
      'button "+5 s"',
      'combobox "Speed"',
      'link "API for programs"',
    ]);
    await start("button", "Correct");
    const tools = ["Find", "Unsure words", "Who speaks", "Copy", "Download", "Keys", "Correct"];
    expect(await press(page, "ArrowRight", 7)).toEqual(tools.map((name) => `button "${name}"`));
    expect(await press(page, "End")).toEqual(['button "Keys"']);
    expect(await press(page, "Tab")).toEqual(["paragraph"]);
    expect(await press(page, "Shift+Tab")).toEqual(['button "Keys"']);
  });
});

describe("the dashboard", () => {
  const show = (name: string) => page.getByRole("link", { name, exact: true }).focus().then(enter);

  test("is entered by keyboard, and its tabs and tables are walked through", async () => {
    await page.goto(`${server.url}/admin`);
    await page.getByLabel("Access key").focus();
    await page.keyboard.type(ADMIN_KEY);
    await enter();
    await page.locator('[data-connection="live"]').waitFor(ENOUGH);
    await page.getByText("The server accepts new work.").waitFor();
    expect(await focused(page)).toBe("main");
    const tabs = ["Now", "History", "Jobs", "Keys", "Actions"].map((name) => `link "${name}"`);
    expect(await press(page, "Tab", 7)).toEqual([...tabs, 'textbox "Reason for the pause"', 'button "Pause"']);
    await show("Actions");
    await expectFocus('link "Actions"');
  });

  test("asks in dialogs that give the focus back, also where the control went away", async () => {
    await show("Keys");
    await start("button", "Make a key");
    await enter();
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await expectFocus('button "Make a key"');
    await enter();
    await page.getByLabel("Name: who uses it, where").focus();
    await page.keyboard.type("the library");
    await enter();
    await page.locator(".once").waitFor();
    await expectFocus('button "Make a key"');
    await page.locator(".once").getByRole("button", { name: "Close" }).focus();
    await enter();
    await expect.poll(() => focused(page)).toMatch(/^button /);
    await start("button", "Revoke: the library");
    await enter();
    await page.locator("dialog[open]").waitFor();
    expect(await focused(page)).toBe('button "Cancel"');
    await enter();
    await expectFocus('button "Revoke: the library"');
    await enter();
    await page.locator("dialog[open]").waitFor();
    await press(page, "Tab");
    await enter();
    await page.locator(".card", { hasText: "revoked" }).waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement!.hasAttribute("data-key"))).toBe(true);
    await show("Actions");
    await page.locator("td", { hasText: "revoked a key" }).waitFor();
    expect(await press(page, "Tab", 2)).toEqual(['button "Refresh"', 'region "Actions"']);
    await press(page, "Shift+Tab");
    await enter();
    await expectFocus('button "Refresh"');
  });
});

test("nothing of it breaks the page's policy", () => {
  expect(problems).toEqual([]);
});
