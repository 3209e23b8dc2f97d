/** All that a page needs, real and on this machine: Chromium, the built page, a local Convex, an API. */
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
import { KEY, ApiStandIn } from "../test/api-stand-in";
import { inFolder } from "./chromium";

export type Environment = Awaited<ReturnType<typeof startEnvironment>>;

/** `apiUrl` makes the page talk to another API than the small one. */
export async function startEnvironment({ react = 19, withConvex = true, apiUrl = "" } = {}) {
  process.env.ESCRIBA_API_KEY = KEY;
  const convex = await startLocalConvex({ log: () => {} });
  const api = await new ApiStandIn().start();
  api.convexSiteUrl = withConvex ? convex.siteUrl : null;
  process.env.ESCRIBA_API_URL = apiUrl || api.url;
  const site = await servePage({
    react,
    VITE_API_URL: apiUrl || api.url,
    VITE_CONVEX_URL: withConvex ? convex.url : "",
  });
  const browser = await launch();
  return {
    convex,
    api,
    site,
    browser,
    /** A person's browser: English unless it says otherwise. */
    async person(options: BrowserContextOptions = {}, prepare: () => void = () => {}) {
      const context = await browser.newContext({ locale: "en-GB", ...options });
      context.setDefaultTimeout(30_000);
      await context.addInitScript(watchPaints);
      await context.addInitScript(prepare);
      const page = await context.newPage();
      page.on("dialog", (dialog) => void dialog.accept());
      page.on("pageerror", (error) => {
        throw error;
      });
      await page.goto(site.url);
      return page;
    },
    async close() {
      await browser.close();
      await site.close();
      await api.stop();
      await convex.close();
    },
  };
}

/** Without the flags of Chromium's package: they switch off the checks of origin that a real browser makes. */
const launch = (): Promise<Browser> =>
  chromium.launch({ ...inFolder(inject("chromium")), args: ["--no-sandbox", "--no-zygote", "--disable-gpu"] });

async function servePage({ react, ...env }: { react: number; VITE_API_URL: string; VITE_CONVEX_URL: string }) {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-page-"));
  Object.assign(process.env, env, { REACT: String(react) });
  const mode = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({
    configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)),
    logLevel: "error",
    build: { outDir: folder },
  });
  process.env.NODE_ENV = mode;
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
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    folder,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await rm(folder, { recursive: true });
    },
  };
}

declare global {
  interface Window {
    /** Every status a recording has shown, in order, with when it was on the screen (epoch ms). */
    paints: Array<{ job: string; status: string; progress: number; text: string; at: number }>;
  }
}

function watchPaints() {
  window.paints = [];
  const look = () => {
    const shown = [...document.querySelectorAll<HTMLElement>("[data-job]")].map((item) => ({
      job: item.dataset.job!,
      status: item.dataset.status!,
      progress: item.querySelector("progress")?.value ?? -1,
      text: item.querySelector("blockquote")?.textContent ?? "",
    }));
    // The frame after a change has it on the screen.
    requestAnimationFrame(() =>
      setTimeout(() => {
        const at = performance.timeOrigin + performance.now();
        for (const now of shown) {
          const last = window.paints.filter(({ job }) => job === now.job).at(-1);
          if (!last || last.status !== now.status || last.progress !== now.progress || last.text !== now.text)
            window.paints.push({ ...now, at });
        }
      }),
    );
  };
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
}

export const recording = (page: Page, name = "talk.wav") => page.getByRole("listitem", { name });

export async function choose(
  page: Page,
  { name = "talk.wav", size = 1_000, label = "Choose recordings" } = {},
): Promise<string> {
  await page.getByLabel(label).setInputFiles({ name, mimeType: "audio/wav", buffer: Buffer.alloc(size, 1) });
  await recording(page, name).waitFor();
  return (await recording(page, name).getAttribute("data-job"))!;
}

export const shows = (page: Page, name: string, status: string) =>
  page.locator(`[aria-label="${name}"][data-status="${status}"]`).waitFor();
