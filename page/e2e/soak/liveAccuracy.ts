/**
 * Words wrong in text that appears while it is spoken, against the same recording sent whole: pieces of the page's own
 * recorder, the real server and its engine. The pieces are kept while it records and sent afterwards, in order and as
 * the page sends them: what is measured is the text, and not whether this machine keeps up.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { concatenate } from "../../src/model/tokens";
import { type Server, startServer } from "../environment";
import { killBrowsers, openBrowser } from "../killableBrowser";
import { type Language, makeLongSpeech, percentWrong } from "../longSpeech";
import { startProxy } from "../proxy";

const SECONDS = Number(process.env.LIVE_SECONDS ?? 150);
/** Per cent of the words. */
const MOST_WORSE = 2;

const LANGUAGES = ["en", "es"] as const;
type Recorded = { truth: string; whole: Buffer; pieces: FormData[] };

let server: Server;
let folder: string;
const recorded = new Map<Language, Recorded>();

beforeAll(async () => {
  server = await startServer();
  folder = await mkdtemp(path.join(tmpdir(), "escriba-accuracy-"));
  await Promise.all(LANGUAGES.map(async (language) => recorded.set(language, await record(language))));
}, 600_000);

afterAll(async () => {
  killBrowsers();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function record(language: Language): Promise<Recorded> {
  const speech = path.join(folder, `${language}.wav`);
  const truth = await makeLongSpeech(language, SECONDS + 5, speech);
  const pieces: FormData[] = [];
  const proxy = await startProxy(server.url, "", (request, response) => keepPiece(pieces, request, response));
  const browser = await openBrowser(inject("chromium"), path.join(folder, language), speech);
  const page = await browser.context.newPage();
  await page.goto(`${proxy.url}/#/record`);
  await page.getByLabel("Show the text while I speak").check();
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.waitForTimeout(SECONDS * 1_000);
  await page.getByRole("button", { name: "Stop, and keep it" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.locator(".kept .card").getByRole("button", { name: "Download" }).click(),
  ]);
  const whole = await readFile(await file.path());
  await browser.kill();
  proxy.close();
  return { truth, whole, pieces };
}

/** Answers in the server's place that nothing was said. */
function keepPiece(pieces: FormData[], request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method !== "POST" || request.url !== "/transcribe") return false;
  const headers = { "content-type": request.headers["content-type"]! };
  void request
    .toArray()
    .then((chunks) => new Response(Buffer.concat(chunks), { headers }).formData())
    .then((form) => void pieces.push(form));
  response.setHeader("content-type", "application/json").end('{"running":{"text":"","open":"","rest":""}}');
  return true;
}

type Answer = { text: string; running: { text: string; open: string; rest: string } };

async function send(form: FormData): Promise<Answer> {
  const response = await fetch(`${server.url}/transcribe`, { method: "POST", body: form });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Answer;
}

/** As `liveText.ts`: each piece with what the one before left open. */
async function sendPieces(pieces: readonly FormData[]): Promise<string> {
  let text = "";
  let open = "";
  let rest: string | null = null;
  for (const form of pieces) {
    form.delete("before");
    if (rest !== null) form.set("before", rest);
    const { running } = await send(form);
    text = concatenate(text, running.text);
    ({ open, rest } = running);
  }
  return concatenate(text, open);
}

async function sendWhole(file: Buffer): Promise<string> {
  const form = new FormData();
  form.set("cache", "false");
  form.set("file", new Blob([new Uint8Array(file)]), "whole.webm");
  return (await send(form)).text;
}

test.each(LANGUAGES)("text while it is spoken has hardly more words wrong: %s", async (language) => {
  const { truth, whole, pieces } = recorded.get(language)!;
  const wrongIn = (text: string) => percentWrong({ truth, text, isCutOff: true });
  const texts = { whole: await sendWhole(whole), live: await sendPieces(pieces) };
  const wrong = { whole: await wrongIn(texts.whole), live: await wrongIn(texts.live) };
  const said = `whole ${wrong.whole.toFixed(1)} %, live ${wrong.live.toFixed(1)} % of the words wrong`;
  console.info(`${language}, ${pieces.length} pieces: ${said}.`);
  if (process.env.SHOW_TEXTS) console.info(texts);
  expect(wrong.live).toBeLessThanOrEqual(wrong.whole + MOST_WORSE);
});
