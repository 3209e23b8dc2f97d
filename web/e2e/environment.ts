/** What a page needs, on this machine: Chromium, the built page, a local Convex, and a stand-in for the API. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { inject } from "vitest";
import { startLocalConvex } from "../dev/local-convex.mjs";
import { startProvider } from "../example/provider.mjs";
import { ApiStandIn, KEY } from "../test/api-stand-in";
import { type Addresses, buildPage, withAddresses } from "./builtPage";
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
  const isShared = react === 19 && withConvex;
  const built = isShared ? { folder: inject("page"), remove: async () => {} } : await buildPage({ react, withConvex });
  const site = await servePage(built.folder, {
    VITE_SIGN_IN_URL: provider.url,
    VITE_API_URL: apiUrl || api.url,
    VITE_CONVEX_URL: convex.url,
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
      await built.remove();
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
  context.setDefaultTimeout(120_000); // a busy machine may stall
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

async function servePage(folder: string, addresses: Addresses) {
  const types: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
  };
  const server = createServer(async (request, response) => {
    const file = path.join(folder, request.url === "/" ? "index.html" : path.normalize(request.url!));
    const type = types[path.extname(file)];
    const text = type && (await readFile(file, "utf8").catch(() => null));
    if (text) response.writeHead(200, { "content-type": type }).end(withAddresses(text, addresses));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    folder,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
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
