/** The page behind a reverse proxy, below a path: worker, manifest, share target and recorder stay there. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Engine, startEngine } from "./engine";
import { recording, type Server, startServer } from "./environment";
import { killBrowsers, openBrowser } from "./killableBrowser";
import { type Proxy, startProxy } from "./proxy";
import { share } from "./share";
import { makeSpeech } from "./speech";

let engine: Engine;
let server: Server;
let proxy: Proxy;
let folder: string;

beforeAll(async () => {
  engine = await startEngine();
  server = await startServer(engine.settings);
  proxy = await startProxy(server.url, "/escriba");
  folder = await mkdtemp(path.join(tmpdir(), "escriba-below-"));
  await writeFile(path.join(folder, "speech.wav"), await makeSpeech(10));
});

afterAll(async () => {
  killBrowsers();
  proxy.close();
  await server.stop();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** Every address in the manifest that a browser opens, as it resolves it. */
const readManifest = (page: Page) =>
  page.evaluate(async () => {
    const at = document.querySelector<HTMLLinkElement>("link[rel=manifest]")!.href;
    const manifest = await (await fetch(at)).json();
    const { id, scope, start_url, shortcuts, share_target, file_handlers, icons } = manifest;
    const urls = [scope, start_url, shortcuts[0].url, share_target.action, file_handlers[0].action, icons[0].src];
    return { id, urls: urls.map((url) => new URL(url, at).href) };
  });

test("below a path of a proxy it opens without a network, records, takes what is shared, and sends all of it", async () => {
  const browser = await openBrowser(inject("chromium"), path.join(folder, "profile"), path.join(folder, "speech.wav"));
  const page = await browser.context.newPage();
  const outside: string[] = [];
  page.on("request", (request) => {
    const { protocol, pathname } = new URL(request.url());
    if (protocol === "http:" && !pathname.startsWith("/escriba/")) outside.push(request.url());
  });
  await page.goto(`${proxy.url}/`);
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  expect(scope).toBe(`${proxy.url}/`);
  const { id, urls } = await readManifest(page);
  expect(id).toBeUndefined(); // the start is its identity: an id would be the host's, whatever the path
  const below = ["", "", "#/record", "share-target", "", "page/icon.svg"];
  expect(urls).toEqual(below.map((name) => `${proxy.url}/${name}`));
  await page.reload(); // a first visit is not the worker's

  await browser.context.setOffline(true);
  await page.goto(`${proxy.url}/#/record`);
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.locator(".clock", { hasText: /0:(0[3-9]|[1-5]\d)/ }).waitFor();
  await page.getByRole("button", { name: "Stop, and make it text" }).click();
  await page.locator(".card[data-phase=waitsForNetwork]").waitFor();
  await share(page, recording("spanish-queue.wav"));
  await expect.poll(() => page.locator(".card[data-phase=waitsForNetwork]").count()).toBe(2);
  expect(page.url()).toBe(`${proxy.url}/`);
  await browser.context.setOffline(false);
  await expect.poll(() => page.locator(".row").count()).toBe(2);
  expect(outside).toEqual([]);
  await browser.kill();
});
