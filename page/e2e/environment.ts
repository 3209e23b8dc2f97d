/** The real server with the embedded engine as a process, and the real Chromium in front of it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { type BrowserContextOptions, chromium, type Download, type Page } from "playwright-core";
import { inject } from "vitest";
import { freePort } from "../../web/e2e/port";
import { launchOptions } from "../../web/e2e/unpackedChromium";
import { LONGEST_WAIT } from "./timeouts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const python = process.env.ESCRIBA_PYTHON ?? path.join(ROOT, ".venv/bin/python");

/** The ffmpeg of the Python environment. */
export async function ffmpeg(): Promise<string> {
  const program = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
  return (await promisify(execFile)(python, ["-c", program])).stdout.trim();
}

/** A recording of the repository's tests. */
export const recording = (name: string): string => path.join(ROOT, "tests/data", name);

export type Server = {
  url: string;
  folder: string;
  /** It does nothing until `thaw`: what it was doing stays on the screen. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
};

/** Of the code in `root`; on a free port unless `settings` have one. */
export async function startServer(
  settings: Record<string, string> = {},
  root = ROOT,
  program = "local_server.py",
): Promise<Server> {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-page-"));
  const url = `http://127.0.0.1:${settings.PORT ?? (await freePort())}`;
  const child = spawn(python, [program], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: new URL(url).port, DATA_DIR: folder, ...settings },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await answers(child, url);
  return {
    url,
    folder,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      child.kill("SIGCONT"); // one that is frozen would never know
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(child: ChildProcess, url: string): Promise<void> {
  let output = "";
  child.stderr!.on("data", (data) => {
    output = (output + String(data)).slice(-2_000);
  });
  while (child.exitCode === null) {
    const response = await fetch(`${url}/health`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The server did not start:\n${output}`);
}

/** Without the flags of Chromium's package: they switch off the origin checks that a real browser makes. */
export const launch = (folder: string, ...flags: string[]) =>
  chromium.launch({
    ...launchOptions(folder),
    args: [
      "--no-sandbox",
      "--no-zygote",
      "--disable-gpu",
      "--autoplay-policy=no-user-gesture-required",
      "--mute-audio",
      ...flags,
    ],
  });

type Browser = Awaited<ReturnType<typeof launch>>;

/** Its microphone beeps. */
const FAKE_MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

let shared: Promise<Browser> | null = null;

/** The browser of all test files that one worker runs, each with contexts of its own. It ends with the worker. */
export const sharedBrowser = (): Promise<Browser> => (shared ??= launch(inject("chromium"), ...FAKE_MICROPHONE));

/** Closes all pages of the browser, also those that a failed test has left. */
export const closePages = async (browser: Browser): Promise<void> => {
  await Promise.all(browser.contexts().map((context) => context.close()));
};

export type Opened = { page: Page; problems: string[] };

/** A browser of its own at the page, in English unless `options` say otherwise. `problems` is what its console complains of. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ locale: "en-GB", acceptDownloads: true, ...options });
  context.setDefaultTimeout(LONGEST_WAIT);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) problems.push(message.text());
  });
  await page.goto(url);
  return { page, problems };
}

/** Chooses files as a person does; resolves when there is a card or a text of the last. */
export async function choose(page: Page, ...files: Parameters<Page["setInputFiles"]>[1][]): Promise<void> {
  for (const file of files) await page.locator(".drop input[type=file]").setInputFiles(file);
}

/** What is in the file that a text's page gives in this format. */
export async function download(page: Page, format: string): Promise<string> {
  await page.getByRole("button", { name: "Download" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download") as Promise<Download>,
    page.getByRole("button", { name: format }).click(),
  ]);
  return readFile(await file.path(), "utf8");
}

/** The values of the waveform that the page keeps with a text; none before it has them. */
export const loudnessOf = (page: Page, id: string): Promise<number[]> =>
  page.evaluate(async (jobId) => {
    const opening = indexedDB.open("escriba-page");
    const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
    const asked = db.transaction("recordings").objectStore("recordings").get(jobId);
    await new Promise((resolve) => (asked.onsuccess = resolve));
    db.close();
    return [...((asked.result as { loudness?: Uint8Array }).loudness ?? [])];
  }, id);
