/** Who says what, a text that others change, hostile letters, and how loud hours are: by the real server and Chromium. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Download, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProblems } from "./axe";
import { makeConversation } from "./conversation";
import {
  choose,
  closePages,
  ffmpeg,
  loudnessOf,
  openPage,
  type Server,
  sharedBrowser,
  startServer,
} from "./environment";
import { makeSpeech } from "./speech";

const HOSTILE_NAME = `<script>alert(1)</script>\u202egnp.exe${"ñ".repeat(120)}.wav`;
const SENTENCE = '<img src=x onerror="alert(1)"> </p><script>alert(2)</script> & \u202etxet\u2066 -->';
const ARABIC = "مرحبا بكم في هذا التسجيل";
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let page: Page;
let problems: string[];
let jobId: string;

beforeAll(async () => {
  server = await startServer({ SPEAKERS_LATER: "true" });
  browser = await sharedBrowser();
  ({ page, problems } = await openPage(browser, server.url, { viewport: { width: 320, height: 700 } }));
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
});

const speakers = () => page.locator("button.speaker");
const names = () => speakers().allTextContents();
const dialog = () => page.locator("dialog.speakers");
const undo = () => page.getByRole("button", { name: "Undo" }).click();
const width = () => page.evaluate(() => document.documentElement.scrollWidth);

const fileAtServer = async (format: string) =>
  (await fetch(`${server.url}/job/${jobId}/transcript?format=${format}`)).text();

const jobAtServer = async (): Promise<unknown> => (await fetch(`${server.url}/job/${jobId}`)).json();

/** By names, as the page's own data have them. */
async function turnsAtServer(): Promise<unknown> {
  const answer = JSON.parse(await fileAtServer("json")) as {
    speakers: Record<string, string>;
    turns: { speaker: string }[];
  };
  return answer.turns.map((turn) => ({ ...turn, speaker: answer.speakers[turn.speaker] }));
}

const downloadedTurns = async (): Promise<unknown> =>
  (JSON.parse((await download("Data with times (.json)")).text) as { turns: unknown }).turns;

async function download(format: string): Promise<{ name: string; text: string }> {
  await page.getByRole("button", { name: "Download" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download") as Promise<Download>,
    page.getByRole("button", { name: format }).click(),
  ]);
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
}

/** What another program does at the server: a correction that this browser knows nothing of. */
async function putElsewhere(part: string, body: unknown): Promise<void> {
  const response = await fetch(`${server.url}/job/${jobId}/${part}`, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": "*" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

test("the speakers of a recording are asked for, and its text is there before them", async () => {
  await page.getByText("Options").click();
  await page.getByLabel("Spoken language").selectOption("es"); // detected as English, the second reader has no words
  await page.getByLabel("Tell speakers apart").selectOption("2");
  await choose(page, { name: HOSTILE_NAME, mimeType: "audio/wav", buffer: await makeConversation() });
  await page.locator(".row-link").waitFor();
  expect(await width()).toBeLessThanOrEqual(320);
  await expect.poll(() => page.locator(".toast").textContent()).not.toContain("\u202e");
  await page.locator(".row-link").click();
  await page.locator(".para p").first().waitFor();
  jobId = page.url().split("/").at(-1)!;
});

test("a correction that is under way stays as it is when the speakers come after the text, and so does its place", async () => {
  await page.getByRole("button", { name: "Correct", exact: true }).click();
  const before = await names(); // none, unless they came before the text was open
  const paragraph = page.locator(".para p").first();
  await paragraph.click();
  await page.locator(".para p[role=textbox]").waitFor();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("Uno ");
  await expect.poll(() => jobAtServer()).not.toHaveProperty("speakers");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.keyboard.type("dos ");
  await expect.poll(() => paragraph.textContent()).toMatch(/^Uno dos /);
  expect(await names()).toEqual(before);
  await expect.poll(() => fileAtServer("txt")).toMatch(/^A: Uno dos /);

  await paragraph.blur();
  await speakers().first().waitFor();
  await expect.poll(async () => [...new Set(await names())]).toEqual(["A", "B"]);
  await expect.poll(() => paragraph.textContent()).toMatch(/^Uno dos /);
  expect(await page.getByText("Changed in another tab").count()).toBe(0);
  await page.reload(); // the next tests begin without a correction
  await speakers().first().waitFor();
});

test("a speaker is named by keys, in every turn, and the server and all files say so", async () => {
  await page.locator(".para p").first().focus();
  await page.keyboard.press("s");
  await dialog().getByRole("textbox").fill("Ana");
  expect(await findProblems(page)).toEqual([]);
  await page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  await expect.poll(async () => [...new Set(await names())]).toEqual(["Ana", "B"]);
  await undo();
  await expect.poll(names).not.toContain("Ana");
  await page.keyboard.press("Control+Shift+z");
  await expect.poll(names).toContain("Ana");
  await expect.poll(() => fileAtServer("vtt")).toContain("<v Ana>");
  for (const [format, said] of [
    ["Subtitles (.srt)", "Ana: "],
    ["Web subtitles (.vtt)", "<v Ana>"],
    ["Text (.txt)", "Ana: "],
    ["Markdown (.md)", "**Ana**"],
    ["Data with times (.json)", '"speaker": "Ana"'],
  ] as const)
    expect((await download(format)).text).toContain(said);
  expect(await downloadedTurns()).toEqual(await turnsAtServer());
});

test("one paragraph gets another speaker, and two speakers become one", async () => {
  const last = speakers().last();
  await last.click();
  await dialog().getByRole("button", { name: "Somebody else" }).click();
  await expect.poll(() => last.textContent()).toBe("C");
  await expect.poll(() => fileAtServer("txt")).toMatch(/^C: /m);
  expect(await downloadedTurns()).toEqual(await turnsAtServer());
  await last.click();
  await dialog().getByRole("combobox").selectOption({ label: "Ana" });
  await expect.poll(() => last.textContent()).toBe("Ana");
  await expect.poll(() => fileAtServer("txt")).not.toMatch(/^C: /m);
  await page.locator(".facts", { hasText: "Saved" }).waitFor();
  await page.reload();
  await speakers().first().waitFor();
  await expect.poll(() => speakers().last().textContent()).toBe("Ana");
  expect(await findProblems(page)).toEqual([]);
});

test("what somebody else corrects is there when the person comes back to the window, and can be undone", async () => {
  await putElsewhere("speakers", { A: "Eva" });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.getByText("Changed in another tab").waitFor();
  await expect.poll(names).toContain("Eva");
  await undo();
  await expect.poll(names).toContain("Ana");
  await expect.poll(() => fileAtServer("txt")).toContain("Ana: ");
});

test("hostile text and names change nothing but text, at 320 pixels and from right to left", async () => {
  const segments = [SENTENCE, "x".repeat(3_000), ARABIC].map((text, i) => ({
    ...{ start: i * 3, end: i * 3 + 2, text },
    speaker: "ABC"[i],
  }));
  await page.locator(".facts", { hasText: "Saved" }).waitFor();
  await putElsewhere("transcript", { segments });
  await putElsewhere("speakers", { A: "<b>Ana</b>\u202e", B: "y".repeat(80) });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.locator(".para p", { hasText: ARABIC }).waitFor();
  await expect.poll(() => page.locator(".para p").allTextContents()).toEqual(segments.map(({ text }) => text));
  expect(await page.locator("main script, main img, main b").count()).toBe(0);
  expect(await width()).toBeLessThanOrEqual(320);
  const directions = await page
    .locator(".para p")
    .evaluateAll((all) => all.map((one) => getComputedStyle(one).direction));
  expect(directions).toEqual(["ltr", "ltr", "rtl"]);
  await speakers().nth(1).click();
  await dialog().waitFor();
  expect(await width()).toBeLessThanOrEqual(320);
  await dialog().getByRole("button", { name: "Close" }).click();
  expect(await page.title()).not.toContain("\u202e");
  const { name, text } = await download("Web subtitles (.vtt)");
  expect(name).toMatch(/^script alert\(1\) script gnp\.exeñ+\.vtt$/);
  expect(text).not.toMatch(/<(?!v )/);
  expect(await findProblems(page)).toEqual([]);
  expect(problems).toEqual([]);
});

/** In pixels from the upper edge of the window: the search, the first word that it found, the player. */
const placesOfSearch = () =>
  page.evaluate(() => {
    const found = [...(CSS.highlights.get("found-now") ?? [])][0] as Range | undefined;
    const [search, player] = [".find", ".player"].map((name) => document.querySelector(name)!.getBoundingClientRect());
    return { search: search!, found: found?.getBoundingClientRect() ?? null, player: player! };
  });

test("a search stays in sight on a phone, above what it found", async () => {
  await page.getByRole("button", { name: "Find", exact: true }).click();
  await page.getByRole("searchbox").fill(ARABIC.split(" ").at(-1)!);
  const isInSight = async () => {
    const { search, found, player } = await placesOfSearch();
    return search.top >= 0 && found !== null && found.top >= search.bottom && found.bottom <= player.top;
  };
  await expect.poll(isInSight).toBe(true);
  expect(await page.evaluate(() => scrollY)).toBeGreaterThan(1_000);
  await page.locator(".find").getByRole("button", { name: "Close" }).click();
});

/** Sixteen minutes: speech, four minutes of silence from the eighth on, speech. */
async function makeLong(folder: string): Promise<string[]> {
  const [wav, mp3, flac, webm, ogg] = ["wav", "mp3", "flac", "webm", "ogg"].map((kind) =>
    path.join(folder, `a.${kind}`),
  );
  const sound = await makeSpeech(960);
  await writeFile(wav!, sound.fill(0, 44 + 480 * 16_000, 44 + 720 * 16_000));
  const opus = ["-c:a", "libopus", "-b:a", "12k", "-compression_level", "0"];
  const run = async (from: string, ...outputs: string[]) =>
    promisify(execFile)(await ffmpeg(), ["-loglevel", "error", "-i", from, ...outputs]);
  await run(wav!, "-b:a", "16k", mp3!, "-c:a", "flac", flac!, ...opus, webm!);
  await run(webm!, "-c", "copy", ogg!);
  return [wav!, mp3!, flac!, webm!, ogg!];
}

/** A text in the browser's own store, as if its recording were gone. */
const fillStore = (id: string) =>
  page.evaluate(async (jobId) => {
    const opening = indexedDB.open("escriba-page");
    const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
    const transaction = db.transaction(["recordings", "texts"], "readwrite");
    const row = { jobId, filename: "long", createdAt: 1, duration: 960, language: "es", excerpt: "", wordCount: 1 };
    transaction.objectStore("recordings").put({ ...row, editedAt: 0, etag: null, isUnsent: false });
    const numbers = Float64Array.of(0, 4, 0, 1, 1);
    transaction.objectStore("texts").put({ jobId, paragraphs: [{ text: "hola", numbers }] });
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    db.close();
  }, id);

test("a recording of more than a quarter of an hour shows how loud it is, with its pauses", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-long-"));
  for (const [i, file] of (await makeLong(folder)).entries()) {
    const id = `00000000-0000-4000-8000-00000000000${i}`;
    await fillStore(id);
    await page.goto(`${server.url}/#/text/${id}`);
    await page.locator(".player input[type=file]").setInputFiles(file);
    await expect.poll(() => loudnessOf(page, id).then(({ length }) => length)).toBe(1_000);
    const loudness = await loudnessOf(page, id);
    const share = (from: number, to: number) =>
      loudness.slice(from, to).filter((value) => value > 25).length / (to - from);
    expect(share(5, 495), file).toBeGreaterThan(0.6);
    expect(share(505, 745), file).toBe(0);
    expect(share(755, 995), file).toBeGreaterThan(0.6);
  }
  await rm(folder, { recursive: true });
});
