/** A Chromium whose microphone plays a recording, with a profile that outlives it, and which can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { type BrowserContext, chromium } from "playwright-core";
import { launchOptions } from "../../web/e2e/unpackedChromium";
import { LONGEST_WAIT } from "./timeouts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--no-zygote",
  "--disable-gpu",
  "--mute-audio",
  "--no-first-run",
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--remote-debugging-port=0",
  "--lang=en-GB",
];

export type KillableBrowser = { context: BrowserContext; kill(): Promise<void> };

/** Those that still run when the tests end, as after one that failed. */
const running = new Set<ChildProcess>();

export const killBrowsers = (): void => running.forEach(killAll);

process.once("exit", killBrowsers);

/** All of its processes, so that none can write a last byte. */
function killAll(child: ChildProcess): void {
  running.delete(child);
  process.kill(-child.pid!, "SIGKILL");
}

/** `speech`: a wav; it begins when a page opens the microphone, and is silent after its end. */
export async function openBrowser(folder: string, profile: string, speech: string): Promise<KillableBrowser> {
  const { executablePath, env } = launchOptions(folder);
  const flags = [...FLAGS, `--user-data-dir=${profile}`, `--use-file-for-fake-audio-capture=${speech}%noloop`];
  const child = spawn(executablePath, [...flags, "about:blank"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const browser = await chromium.connectOverCDP(await readAddress(child));
  const context = browser.contexts()[0]!;
  context.setDefaultTimeout(LONGEST_WAIT);
  return {
    context,
    async kill() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      killAll(child);
      await ended;
    },
  };
}

function readAddress(child: ChildProcess): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`Chromium did not start:\n${output}`)));
    child.stderr!.on("data", (data) => {
      output += String(data);
      const address = /DevTools listening on (\S+)/.exec(output)?.[1];
      if (address) resolve(address);
    });
  });
}
