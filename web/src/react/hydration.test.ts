/** The hook in StrictMode with each React: rendered by a server, hydrated by a browser, shared and forgotten. */
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Window } from "happy-dom";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type * as ReactPage from "../../test/reactPage";
import { eventually } from "../../test/eventually";
import { MemoryStorage } from "../../test/memory-storage";
import { JobStorage } from "../browser/jobStorage";

const web = fileURLToPath(new URL("../../", import.meta.url));
const job = {
  ...{ jobId: crypto.randomUUID(), options: {}, filename: null, sizeBytes: null, createdAt: 1 },
  ...{ accepted: true, sent: true, sendingAt: 0, ended: true, websocketUrl: null },
};

describe.each([19, 18])("with React %i", (react) => {
  let folder: string;
  let app: typeof ReactPage;
  let container: HTMLElement;
  let errors: unknown[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(web, "node_modules/.cache/react-"));
    const outfile = path.join(folder, "page.mjs");
    const alias: Record<string, string> = react === 18 ? { react: "react-18", "react-dom": "react-dom-18" } : {};
    const banner = {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    };
    await build({
      ...{ entryPoints: [path.join(web, "test/reactPage.tsx")], outfile, alias, banner, bundle: true },
      ...{ format: "esm", platform: "node", jsx: "automatic", logLevel: "error" },
    });
    app = (await import(pathToFileURL(outfile).href)) as typeof ReactPage;
  });
  afterAll(() => rm(folder, { recursive: true }));

  beforeEach(() => {
    vi.stubGlobal("localStorage", new MemoryStorage());
    vi.spyOn(console, "error").mockImplementation((...args) => errors.push(args));
    errors = [];
    new JobStorage("shared").put(job);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  /** What a browser has and Node has not, with the server's HTML in it. */
  function openBrowser() {
    const html = app.renderOnServer();
    const window = new Window();
    vi.stubGlobal("window", window);
    vi.stubGlobal("document", window.document);
    window.document.body.innerHTML = `<div id="root">${html}</div>`;
    container = window.document.getElementById("root") as unknown as HTMLElement;
    return html;
  }
  const hydrate = () => app.hydrate(container, (error) => errors.push(error));
  const shown = (text: string) => eventually(() => expect(container.textContent).toBe(text));

  test("it is this React", () => expect(app.version).toMatch(new RegExp(`^${react}\\.`)));

  test("a server renders no jobs; the browser hydrates that without a complaint, and shows its jobs", async () => {
    expect(openBrowser()).toBe("<p>first: 0 jobs, connecting</p><p>second: 0 jobs, connecting</p>");
    expect(app.countSets()).toBe(0); // the server keeps none
    const unmount = hydrate();
    await shown("first: 1 jobs, pollingsecond: 1 jobs, polling");
    expect(app.countSets()).toBe(1);
    expect(app.latest.first!.start).toBe(app.latest.second!.start);
    unmount();
    expect(errors).toEqual([]);
  });

  test("a set that nobody uses is forgotten, but not while its audio is not sent", async () => {
    openBrowser();
    let unmount = hydrate();
    await shown("first: 1 jobs, pollingsecond: 1 jobs, polling");
    const [sets, { start }] = [app.countSets(), app.latest.first!];
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    unmount();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(app.countSets()).toBe(sets);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(app.countSets()).toBe(sets - 1);
    vi.useRealTimers();
    openBrowser();
    unmount = hydrate();
    await shown("first: 1 jobs, pollingsecond: 1 jobs, polling");
    expect(app.latest.first!.start).not.toBe(start);
    app.latest.first!.start(new Blob(["audio"]));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    unmount();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(app.countSets()).toBe(sets);
    expect(errors).toEqual([]);
  });
});
