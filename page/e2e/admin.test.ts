/** The owner's dashboard against a real server at work: what it shows is what the store holds. */
import { execFileSync } from "node:child_process";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { launch, openPage, recording, type Server, startServer } from "./environment";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
const ENOUGH = { timeout: 120_000 };

let server: Server;
let browser: Awaited<ReturnType<typeof launch>>;
let page: Page;
let problems: string[];

beforeAll(async () => {
  server = await startServer({ ADMIN_KEY });
  browser = await launch(inject("chromium"));
  ({ page, problems } = await openPage(browser, `${server.url}/admin`));
  await page.getByLabel("Access key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator('[data-connection="live"]').waitFor(ENOUGH);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

const api = (method: string, path: string, init: RequestInit = {}) =>
  fetch(`${server.url}/${path}`, {
    method,
    ...init,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...init.headers },
  });

/** The rows of a query to the server's database, read beside the server. */
function query(sql: string): unknown[][] {
  const script =
    "import sqlite3, sys, json; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
  return JSON.parse(
    execFileSync("python3", ["-c", script, `${server.folder}/escriba.sqlite3`, sql], { encoding: "utf8" }),
  ) as unknown[][];
}

const show = (view: string) => page.evaluate((view) => (location.hash = `#/admin/${view}`), view);

/** What a tile shows. */
const tile = (name: string) => page.locator(".tile", { hasText: name }).locator("dd").first().textContent();

async function submit(file: string): Promise<string> {
  const form = new FormData();
  const { readFile } = await import("node:fs/promises");
  form.append("file", new Blob([await readFile(recording(file))]), file);
  form.append("cache", "false");
  const answer = await api("POST", "transcribe-job", { body: form });
  return ((await answer.json()) as { jobId: string }).jobId;
}

test("while jobs run, the figures become those of the store", async () => {
  await Promise.all(Array.from({ length: 3 }, () => submit("english-short.wav")));
  await expect.poll(() => tile("Running"), ENOUGH).toBe("1");
  const counts = () => query("SELECT count(*) FROM jobs WHERE status = 'queued'")[0]![0];
  await expect.poll(async () => (await tile("In the queue")) === String(counts()), ENOUGH).toBe(true);
  await expect.poll(() => counts(), ENOUGH).toBe(0);
  await expect.poll(() => tile("Running"), ENOUGH).toBe("0");
  await expect.poll(() => tile("In the queue"), ENOUGH).toBe("0");
});

test("a pause is made with its reason, holds, and is ended", async () => {
  await page.getByLabel("Reason for the pause").fill("a new disk");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused by admin").waitFor();
  expect(await page.locator(".pause").textContent()).toContain("a new disk");
  expect((await api("POST", "transcribe-job", { body: new FormData() })).status).toBe(503);
  await page.getByRole("button", { name: "Accept new work again" }).click();
  await page.getByText("The server accepts new work.").waitFor();
  expect(query("SELECT count(*) FROM meta WHERE key = 'pause'")).toEqual([[0]]);
});

const watchers = async () =>
  ((await (await api("GET", "admin/now")).json()) as { here: { watchers: number } }).here.watchers;

const hide = (isHidden: boolean) =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);

test("a hidden tab asks for nothing; a connection that is lost is shown, and comes back by itself", async () => {
  expect(await watchers()).toBe(1);
  await hide(true);
  await page.getByText("Stopped while this tab is hidden.").waitFor();
  await expect.poll(watchers, ENOUGH).toBe(0);
  await page.context().setOffline(true);
  await hide(false);
  await page.getByText("The connection is lost.").waitFor();
  await page.context().setOffline(false);
  await page.locator('[data-connection="live"]').waitFor(ENOUGH);
  expect(await watchers()).toBe(1);
});

test("a key is made, shown once, changed, and revoked after a question", async () => {
  await show("keys");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("Name: who uses it, where").fill("the library");
  await page.getByLabel("Jobs at once").fill("3");
  await page.getByLabel("read metrics").check();
  await page.getByRole("button", { name: "Save" }).click();
  const key = (await page.locator(".once code").first().textContent())!;
  expect((await fetch(`${server.url}/tokens`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
  const stored = () => {
    const [[document]] = query("SELECT document FROM access_keys") as [[string]];
    return JSON.parse(document) as Record<string, unknown>;
  };
  expect(stored()).toMatchObject({ name: "the library", limits: { jobs: 3 } });
  expect(JSON.stringify(stored())).not.toContain(key);
  await page.locator(".once").getByRole("button", { name: "Close" }).click();
  expect(await page.content()).not.toContain(key);
  await page.getByRole("button", { name: "Change: the library" }).click();
  await page.getByLabel("Jobs at once").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".card", { hasNotText: "Jobs at once" }).waitFor();
  await page.getByRole("button", { name: "Revoke: the library" }).click();
  await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
  expect(stored().revokedAt ?? null).toBeNull();
  await page.getByRole("button", { name: "Revoke: the library" }).click();
  await page.locator("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.locator(".card", { hasText: "revoked" }).waitFor();
  expect(stored().revokedAt).toBeTypeOf("number");
});

test("a job is found by its id and by its status, and deleted after a question", async () => {
  await show("jobs");
  const [[jobId]] = query("SELECT job_id FROM jobs ORDER BY created_at LIMIT 1") as [[string]];
  const [[all]] = query("SELECT count(*) FROM jobs") as [[number]];
  await expect.poll(() => page.locator("[data-job]").count()).toBe(all);
  await page.getByLabel("Status").selectOption("failed");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText("No jobs.").waitFor();
  await page.getByLabel("Status").selectOption("");
  await page.getByLabel("Job id").fill(jobId);
  await page.getByRole("button", { name: "Find" }).click();
  await expect.poll(() => page.locator("[data-job]").count()).toBe(1);
  await page.getByRole("button", { name: `Delete: ${jobId}` }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await expect.poll(() => query("SELECT count(*) FROM jobs")).toEqual([[all - 1]]);
  await expect.poll(() => page.locator(`[data-job="${jobId}"]`).count()).toBe(0);
  await show("log");
  await page.locator("td", { hasText: "deleted a job" }).waitFor();
});

test("the history shows what the store has counted", async () => {
  const stored = (name: string) =>
    Number(query(`SELECT sum(amount) FROM usage WHERE period LIKE 'day:%' AND name = '${name}'`)[0]![0]);
  await expect.poll(() => stored("jobs"), ENOUGH).toBe(3);
  await show("history");
  const shown = async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return [await tile("Jobs"), Number(await tile("Minutes of audio"))];
  };
  const minutes = () => Math.round((stored("audioSeconds") / 60) * 10) / 10;
  await expect.poll(async () => (await shown()).join() === ["3", minutes()].join(), ENOUGH).toBe(true);
  expect(query("SELECT count(*) FROM usage WHERE name LIKE 'latency:%'")[0]![0]).toBeGreaterThan(0);
  expect(await tile("95 % answered within")).toMatch(/ s$/);
  await page.getByText("As a table").first().click();
  const cells = await page.locator("details[open] td").allTextContents();
  expect(cells).toHaveLength(7);
});

test("axe finds nothing in any view, in both languages", async () => {
  await page.setViewportSize({ width: 360, height: 720 });
  for (const other of ["Español", "English"]) {
    for (const view of ["now", "history", "jobs", "keys", "log"]) {
      await show(view);
      await page.locator(`.tabs a[href="#/admin/${view}"][aria-current]`).waitFor();
      await page.waitForLoadState("networkidle");
      expect(await findProblems(page), view).toEqual([]);
      const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect(isTooWide, view).toBe(false);
    }
    await page.getByRole("button", { name: other }).click();
  }
});

test("nothing of it breaks the page's policy", () => {
  expect(problems).toEqual([]);
});
