/** Speech in which the engine finds no words: an engine that hears little, by the real server and Chromium. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeConversation } from "./conversation";
import { type Engine, startEngine } from "./engine";
import { choose, closePages, download, openPage, type Server, sharedBrowser, startServer } from "./environment";

let engine: Engine;
let server: Server;
let page: Page;

beforeAll(async () => {
  engine = await startEngine();
  server = await startServer(engine.settings);
  ({ page } = await openPage(await sharedBrowser(), server.url));
});

afterAll(async () => {
  await closePages(await sharedBrowser());
  await server.stop();
  engine.close();
});

/** Sends the two readers and opens their text. Returns where the server has it. */
async function openConversation(): Promise<string> {
  await page.getByText("Options").click();
  await page.getByLabel("Tell speakers apart").selectOption("2");
  await choose(page, { name: "two.wav", mimeType: "audio/wav", buffer: await makeConversation() });
  await page.locator(".row-link").click();
  await page.locator(".toolbar").waitFor();
  return `${server.url}/job/${page.url().split("/").at(-1)}`;
}

/** Who speaks, in order: in the server's file, and in that of the page. */
const inServersFile = async (job: string): Promise<string[]> =>
  (await (await fetch(`${job}/transcript?format=rttm`)).text())
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[7]!);
const inPagesFile = async (): Promise<string[]> =>
  (JSON.parse(await download(page, "Data with times (.json)")) as { turns: { speaker: string }[] }).turns.map(
    ({ speaker }) => speaker,
  );

test("a name that somebody gave to a speaker without words outlives the names and corrections of the page", async () => {
  const job = await openConversation(); // all that is heard, the first reader says
  const headers = { "content-type": "application/json", "if-match": "*" };
  const named = await fetch(`${job}/speakers`, { method: "PUT", headers, body: '{"B": "Blas"}' });
  expect(named.status).toBe(200);
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
