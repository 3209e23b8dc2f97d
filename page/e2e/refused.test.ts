/** What is no recording, or too large, is named at once, and nothing of it is sent. */
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closePages, openPage, type Server, sharedBrowser, startServer } from "./environment";

let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let folder: string;

beforeAll(async () => {
  server = await startServer({ MAX_JOB_UPLOAD_MB: "25" });
  browser = await sharedBrowser();
  folder = await mkdtemp(path.join(tmpdir(), "escriba-refused-"));
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
  await rm(folder, { recursive: true });
});

async function make(name: string, content: string, size?: number): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content, "latin1");
  if (size !== undefined) await truncate(file, size);
  return file;
}

test("a pdf, a zip named mp3, an empty file, one of 26 MB and a folder are refused with a sentence each", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await page.getByText("up to 25 MB").waitFor();
  const sent: string[] = [];
  page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
  const files = [
    await make("notes.pdf", "%PDF-1.7\n"),
    await make("packed.mp3", "PK\x03\x04\x14\0"),
    await make("empty.mp3", ""),
    await make("long.wav", "RIFF\x24\0\0\0WAVEfmt ", 26 * 1024 * 1024),
    path.join(folder, "a folder"),
  ];
  await mkdir(files[4]!);
  // As a person drops them: Chromium makes the entries of a real drag.
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
  const said = page.locator(".drop .problem");
  for (const sentence of [
    "“notes.pdf” seems to be no recording",
    "“packed.mp3” is packed or compressed",
    "“empty.mp3” has 0 bytes",
    "“long.wav” has 26 MB; this server takes up to 25 MB",
    "“a folder” is a folder",
  ])
    await said.getByText(sentence).waitFor();
  expect(sent).toEqual([]);
  expect(await page.locator(".cards li").count()).toBe(0);
  expect(problems).toEqual([]);
  await page.context().close();
});
