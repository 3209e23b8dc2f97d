/** Speech in which the engine finds no words: an engine that hears little, by the real server and Chromium. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProblems } from "./axe";
import { makeConversation } from "./conversation";
import { type Engine, SENTENCES, startEngine } from "./engine";
import { choose, closePages, download, openPage, type Server, sharedBrowser, startServer } from "./environment";

const sentences = SENTENCES.slice(0, 1);
let engine: Engine;
let server: Server;
let page: Page;

beforeAll(async () => {
  engine = await startEngine(sentences);
  server = await startServer(engine.settings);
  ({ page } = await openPage(await sharedBrowser(), server.url, { viewport: { width: 390, height: 844 } }));
});

afterAll(async () => {
  await closePages(await sharedBrowser());
  await server.stop();
  engine.close();
});

/** Sends the two readers and opens their text. Returns where the server has it. */
async function openConversation(name: string): Promise<string> {
  await page.goto(server.url);
  await page.getByText("Options").click();
  await page.getByLabel("Tell speakers apart").selectOption("2");
  const buffer = Buffer.concat([await makeConversation(), Buffer.from(name)]); // an equal one has an equal text
  await choose(page, { name, mimeType: "audio/wav", buffer });
  await page.locator(".row-link", { hasText: name }).click();
  await page.locator(".toolbar").waitFor();
  return `${server.url}/job/${page.url().split("/").at(-1)}`;
}

/** Who speaks, in order: in the server's file, in that of the page, and where the page shows a text without words. */
const inServersFile = async (job: string): Promise<string[]> =>
  once((await (await fetch(`${job}/transcript?format=rttm`)).text()).trim().split("\n"), (line) => line.split(" ")[7]!);
const inPagesFile = async (): Promise<string[]> => {
  const { turns } = JSON.parse(await download(page, "Data with times (.json)")) as { turns: { speaker: string }[] };
  return once(turns, ({ speaker }) => speaker);
};
const inPage = async (): Promise<string[]> => once(await page.locator(".marks bdi").allTextContents(), (name) => name);
const once = <T>(turns: readonly T[], speakerOf: (turn: T) => string): string[] => [...new Set(turns.map(speakerOf))];

/** As another program does it. */
async function putNames(job: string, names: Record<string, string>): Promise<void> {
  const headers = { "content-type": "application/json", "if-match": "*" };
  const named = await fetch(`${job}/speakers`, { method: "PUT", headers, body: JSON.stringify(names) });
  expect(named.status).toBe(200);
}

test("a name that somebody gave to a speaker without words outlives the names and corrections of the page", async () => {
  const job = await openConversation("little.wav"); // all that is heard, the first reader says
  await putNames(job, { B: "Blas" });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.getByText("Changed in another tab").waitFor();
  await page.locator(".para p").first().focus();
  await page.keyboard.press("s");
  await page.locator("dialog.speakers").getByRole("textbox").fill("Ana");
  await page.keyboard.press("Enter");
  await expect.poll(() => inServersFile(job)).toEqual(["Ana", "Blas"]);
  await page.reload();
  await page.locator(".speaker").first().waitFor();
  expect(await inPagesFile()).toEqual(["Ana", "Blas"]);
});

test("a recording without a word says so, what to try and who speaks when, in the page's language", async () => {
  sentences.length = 0;
  const job = await openConversation("nothing.wav");
  await page.locator(".notice", { hasText: "No words were heard in this recording." }).waitFor();
  expect(await page.locator(".facts").textContent()).toBe("0:24");
  await expect.poll(inPage).toEqual(["A", "B"]);
  expect(await page.locator(".marks button").first().textContent()).toMatch(/^0:0\d–0:0\d A$/);
  expect(await findProblems(page)).toEqual([]);
  await page.getByRole("button", { name: "Español" }).click();
  await page.locator(".notice", { hasText: "No se ha oído ninguna palabra en esta grabación." }).waitFor();
  await putNames(job, { B: "Blas" });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await expect.poll(inPage).toEqual(["A", "Blas"]);
  await page.locator(".back").click();
  await page.locator(".row-link", { hasText: "sin palabras" }).click();
  await page.locator(".notice", { hasText: "No se ha oído" }).waitFor();
  expect(await inPage()).toEqual(["A", "Blas"]);
});
