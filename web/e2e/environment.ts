/** What a page needs, on this machine: Chromium, the built page, a local Convex, and a stand-in for the API. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { build } from "vite";
import { inject } from "vitest";
import { startLocalConvex } from "../dev/local-convex.mjs";
import { startProvider } from "../example/provider.mjs";
import { ApiStandIn, KEY } from "../test/api-stand-in";
import { launchOptions } from "./unpackedChromium";

export type Environment = Awaited<ReturnType<typeof startEnvironment>>;

/** With `apiUrl` the page uses the API at that address instead of the stand-in. */
export async function startEnvironment({ react = 19, withConvex = true, apiUrl = "" } = {}) {
  process.env.ESCRIBA_API_KEY = KEY;
  const convex = await startLocalConvex({ log: () => {} });
  const api = await new ApiStandIn().start();
  api.convexSiteUrl = withConvex ? convex.siteUrl : null;
  process.env.ESCRIBA_API_URL = apiUrl || api.url;
  const provider = await startProvider();
  const site = await servePage({
    react,
    VITE_SIGN_IN_URL: withConvex ? provider.url : "",
    VITE_API_URL: apiUrl || api.url,
    VITE_CONVEX_URL: withConvex ? convex.url : "",
  });
  const browser = await launch();
  return {
    convex,
    api,
    site,
    browser,
    /** Opens the page in a browser of its own, in English unless `options` has another locale. */
    openPage: (options: BrowserContextOptions = {}, prepare: () => void = () => {}) =>
      openPage(browser, site.url, options, prepare),
    async close() {
      await browser.close();
      await site.close();
      await provider.close();
      await api.stop();
      await convex.close();
    },
  };
}

/** Without the flags of Chromium's package: they switch off the origin checks that a real browser makes. */
const launch = (): Promise<Browser> =>
  chromium.launch({ ...launchOptions(inject("chromium")), args: ["--no-sandbox", "--no-zygote", "--disable-gpu"] });

/** `prepare` runs in the page before its own scripts. */
async function openPage(browser: Browser, url: string, options: BrowserContextOptions, prepare: () => void) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  context.setDefaultTimeout(30_000);
  await context.addInitScript(recordPaints);
  await context.addInitScript(prepare);
  const page = await context.newPage();
  page.on("dialog", (dialog) => void dialog.accept());
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(url);
  return page;
}

async function servePage({ react, ...env }: { react: number } & Record<`VITE_${string}`, string>) {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-page-"));
  await buildPage(folder, { ...env, REACT: String(react) });
  const types: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
  };
  const server = createServer(async (request, response) => {
    const file = path.join(folder, request.url === "/" ? "index.html" : path.normalize(request.url!));
    const content = await readFile(file).catch(() => null);
    if (content)
      response.writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" }).end(content);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    folder,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

async function buildPage(folder: string, env: Record<string, string>): Promise<void> {
  Object.assign(process.env, env);
  const mode = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({
    configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)),
    logLevel: "error",
    build: { outDir: folder },
  });
  process.env.NODE_ENV = mode;
}

declare global {
  interface Window {
    /** Every status that a recording has shown, in order, and when it was on the screen (epoch ms). */
    paints: Array<{ job: string; status: string; progress: number; text: string; at: number }>;
  }
}

function recordPaints() {
  window.paints = [];
  const record = () => {
    const recordings = [...document.querySelectorAll<HTMLElement>("[data-job]")].map((item) => ({
      job: item.dataset.job!,
      status: item.dataset.status!,
      progress: item.querySelector("progress")?.value ?? -1,
      text: item.querySelector("blockquote")?.textContent ?? "",
    }));
    // The change is on the screen in the next frame.
    requestAnimationFrame(() =>
      setTimeout(() => {
        const at = performance.timeOrigin + performance.now();
        for (const now of recordings) {
          const last = window.paints.filter(({ job }) => job === now.job).at(-1);
          if (!last || last.status !== now.status || last.progress !== now.progress || last.text !== now.text)
            window.paints.push({ ...now, at });
        }
      }),
    );
  };
  new MutationObserver(record).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
}

export const recording = (page: Page, name = "talk.wav") => page.getByRole("listitem", { name });

export async function chooseFile(
  page: Page,
  { name = "talk.wav", size = 1_000, label = "Choose recordings" } = {},
): Promise<string> {
  await page.getByLabel(label).setInputFiles({ name, mimeType: "audio/wav", buffer: Buffer.alloc(size, 1) });
  await recording(page, name).waitFor();
  return (await recording(page, name).getAttribute("data-job"))!;
}

export const shows = (page: Page, name: string, status: string) =>
  page.locator(`[aria-label="${name}"][data-status="${status}"]`).waitFor();
