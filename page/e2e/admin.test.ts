/** The owner's dashboard against a real server at work: what it shows is what the store holds. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as load from "./adminLoad";
import { ADMIN_KEY } from "./adminLoad";
import { findBesideColours, findProblems } from "./axe";
import { closePages, openPage, type Server, sharedBrowser } from "./environment";

let server: Server;
let engine: load.Engine;
let receiver: load.Receiver;
let clients: load.Client[];
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let page: Page;
let problems: string[];

beforeAll(async () => {
  [engine, receiver] = await Promise.all([load.startEngine(), load.startReceiver()]);
  server = await load.startAtWork(engine);
  clients = await Promise.all(["library", "court", "radio"].map((name) => load.Client.make(server, name)));
  browser = await sharedBrowser();
  ({ page, problems } = await openPage(browser, `${server.url}/admin`));
  await page.getByLabel("Access key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator('[data-connection="live"]').waitFor();
});

afterAll(async () => {
  if (browser) await closePages(browser);
  await server?.stop();
  engine?.stop();
  receiver?.stop();
});

const api = (method: string, path: string, init: RequestInit = {}) =>
  fetch(`${server.url}/${path}`, {
    method,
    ...init,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...init.headers },
  });

const query = (sql: string) => load.query(server, sql);
const number = (sql: string) => load.number(server, sql);

const show = (view: string) => page.evaluate((view) => (location.hash = `#/admin/${view}`), view);

/** What a tile shows. */
const tile = (name: string) => page.locator(".tile", { hasText: name }).locator("dd").first().textContent();

const jobsOf = (status: string) => number(`SELECT count(*) FROM jobs WHERE status = '${status}'`);

/** The figures of the first view, and the same from the store. */
const shownNow = async () => [
  ...(await Promise.all(["In the queue", "Running", "Waiting", "Callbacks"].map(tile))),
  ...(
    await page.locator(".reasons tr").evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.reason))
  ).sort(),
];
const storedNow = () => [
  ...["queued", "processing", "waiting"].map((status) => String(jobsOf(status))),
  String(number("SELECT count(*) FROM deliveries WHERE wanted_seq > confirmed_seq")),
  ...query("SELECT DISTINCT document ->> '$.waitingFor' FROM jobs WHERE status = 'waiting' ORDER BY 1").map(String),
];

test("while dozens of jobs run, the figures become those of the store", async () => {
  const working = load.work(clients, engine, receiver);
  await expect.poll(async () => Number(await tile("In the queue"))).toBeGreaterThan(5);
  await expect.poll(async () => Number(await tile("Running"))).toBeGreaterThan(0);
  await page.locator(".reasons tr:is([data-reason=engine], [data-reason=refused])").first().waitFor();
  await working;
  await expect.poll(() => jobsOf("queued") + jobsOf("processing") + jobsOf("waiting")).toBe(0);
  await engine.command({ default: load.rateLimited(3600) });
  await Promise.all(clients.flatMap((client) => [client.submit(), client.submit()]));
  await expect.poll(() => jobsOf("waiting")).toBe(6);
  await expect.poll(() => number("SELECT count(*) FROM deliveries WHERE last_error IS NOT NULL")).toBe(4);
  await expect.poll(async () => (await shownNow()).join() === storedNow().join()).toBe(true);
  await expect.poll(shownNow).toEqual(["0", "0", "6", "3", "engine", "refused"]);
  await page
    .getByText(/the engine named when it refused it · the first until/)
    .first()
    .waitFor();
});

test("three dashboards together ask the store less than once a second", async () => {
  const opened = await Promise.all([1, 2].map(() => page.context().newPage()));
  await Promise.all(
    opened.map(async (other) => {
      await other.goto(`${server.url}/admin`);
      await other.getByLabel("Access key").fill(ADMIN_KEY);
      await other.getByRole("button", { name: "Sign in" }).click();
      await other.locator('[data-connection="live"]').waitFor();
    }),
  );
  const from = linesOfStatements().length;
  await page.waitForTimeout(12_000);
  const lines = linesOfStatements().slice(from);
  const seconds = Number(lines.at(-1)!.split(" ")[0]) - Number(lines[0]!.split(" ")[0]);
  await Promise.all(opened.map((other) => other.close()));
  const readings = lines.filter((line) => line.includes("SELECT ?, status,"));
  expect(readings.length).toBeGreaterThan(1);
  expect(readings.length).toBeLessThanOrEqual(seconds / 3.9 + 1);
});

const linesOfStatements = () => readFileSync(`${server.folder}/statements`, "utf8").trim().split("\n");

test("a pause is made with its reason, holds, and is ended", async () => {
  await page.getByLabel("Reason for the pause").fill("a new disk");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused by admin").waitFor();
  await expect.poll(() => page.locator(".pause").textContent()).toContain("a new disk");
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
  await expect.poll(watchers).toBe(1); // those of the test before have gone
  await hide(true);
  await page.getByText("Stopped while this tab is hidden.").waitFor();
  await expect.poll(watchers).toBe(0);
  await page.context().setOffline(true);
  await hide(false);
  await page.getByText("The connection is lost.").waitFor();
  await page.locator(".connection", { hasText: "not live since" }).waitFor();
  await page.context().setOffline(false);
  await page.locator('[data-connection="live"]').waitFor();
  await expect.poll(watchers).toBe(1);
});

test("a stream that is not answered is given up, and asked for again", async () => {
  const other = await page.context().newPage();
  await other.clock.install();
  await other.route("**/admin/now/events", () => undefined); // no answer, not even headers
  await other.goto(`${server.url}/admin`);
  await other.getByLabel("Access key").fill(ADMIN_KEY);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.locator('[data-connection="connecting"]').waitFor();
  await other.clock.fastForward(25_000);
  await other.getByText("The connection is lost.").waitFor();
  await other.unroute("**/admin/now/events");
  await other.clock.fastForward(5_000);
  await other.locator('[data-connection="live"]').waitFor();
  await other.close();
});

test("a key is made, shown once, changed, and revoked after a question", async () => {
  await show("keys");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("Name: who uses it, where").fill("the theatre");
  await page.getByLabel("Jobs at once").fill("3");
  await page.getByLabel("read metrics").check();
  await page.getByRole("button", { name: "Save" }).click();
  const key = (await page.locator(".once code").first().textContent())!;
  expect((await fetch(`${server.url}/tokens`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
  const stored = () => {
    const [[document]] = query("SELECT document FROM access_keys ORDER BY created_at DESC LIMIT 1") as [[string]];
    return JSON.parse(document) as Record<string, unknown>;
  };
  expect(stored()).toMatchObject({ name: "the theatre", limits: { jobs: 3 } });
  expect(JSON.stringify(stored())).not.toContain(key);
  await page.locator(".once").getByRole("button", { name: "Close" }).click();
  await expect.poll(() => page.content()).not.toContain(key);
  await page.getByRole("button", { name: "Change: the theatre" }).click();
  await page.getByLabel("Jobs at once").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".card", { hasText: "the theatre", hasNotText: "Jobs at once" }).waitFor();
  await page.getByRole("button", { name: "Revoke: the theatre" }).click();
  await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.locator("button:focus", { hasText: "Revoke" }).waitFor(); // the focus is where it was
  expect(stored().revokedAt ?? null).toBeNull();
  await page.getByRole("button", { name: "Revoke: the theatre" }).click();
  await page.locator("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.locator(".card", { hasText: "revoked" }).waitFor();
  await expect.poll(() => stored().revokedAt).toBeTypeOf("number");
});

test("a job is found by its id and by its status, and deleted after a question", async () => {
  await show("jobs");
  const [[jobId]] = query("SELECT job_id FROM jobs ORDER BY created_at DESC LIMIT 1") as [[string]];
  const [[all]] = query("SELECT count(*) FROM jobs") as [[number]];
  await expect.poll(() => page.locator("[data-job]").count()).toBe(all);
  await page.getByLabel("Status").selectOption("failed");
  await page.getByRole("button", { name: "Find" }).click();
  await expect.poll(() => page.locator("[data-job]").count()).toBe(jobsOf("failed"));
  expect(jobsOf("failed")).toBe(2);
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

test("a delivery that was refused for good is listed with its reason, and tried again", async () => {
  await show("jobs");
  await expect.poll(() => page.locator("[data-delivery]").count()).toBe(4);
  const refused = page.locator("[data-delivery]", { hasText: "answered 410" });
  await refused.getByText("refused: not tried again by itself").waitFor();
  const tries = () => number("SELECT count(*) FROM audit WHERE document ->> '$.action' = 'deliveries.retried'");
  await refused.getByRole("button", { name: /^Try now/ }).click();
  await expect.poll(tries).toBe(1);
});

const AMOUNTS = ["requests", "audioSeconds", "jobs", "failure:%"];

/** What the store has counted: of one key, or of all together by hour. */
function stored(keyId?: string): string[] {
  const where = keyId ? `period LIKE 'day:%' AND client = '${keyId}'` : "period LIKE 'hour:%'";
  const [requests, seconds, jobs, failures] = AMOUNTS.map((name) =>
    number(`SELECT coalesce(sum(amount), 0) FROM usage WHERE ${where} AND name LIKE '${name}'`),
  );
  return [requests!, Math.round((seconds! / 60) * 10) / 10, jobs!, failures!].map((one) => one.toLocaleString("en"));
}

/** The bounds of the bucket that holds this share of a key's requests. */
function bucketOf(keyId: string, share: number): [number, number] {
  const rows = query(`SELECT name, amount FROM usage WHERE client = '${keyId}' AND name LIKE 'latency:%'`);
  const buckets = rows.map(([name, amount]) => [Number(String(name).slice(8)), Number(amount)] as const);
  buckets.sort(([a], [b]) => a - b);
  const all = [0, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600];
  let left = share * buckets.reduce((sum, [, amount]) => sum + amount, 0);
  const [bound] = buckets.find(([, amount]) => (left -= amount) <= 0)!;
  return [all[all.indexOf(bound) - 1]!, bound];
}

const FIGURES = ["Requests", "Minutes of audio", "Jobs", "Failures"];

/** What the tiles show after one more reading: the store counts some seconds after an answer. */
async function shownFigures() {
  await page.getByRole("button", { name: "Refresh" }).click();
  return Promise.all(FIGURES.map(tile));
}

test("the history equals what the store has counted, by key, by code and by hour", async () => {
  await expect.poll(() => number("SELECT sum(amount) FROM usage WHERE period LIKE 'day:%' AND name = 'jobs'")).toBe(37);
  await show("history");
  for (const { keyId, name } of clients) {
    await page.getByRole("combobox", { name: "Key" }).selectOption(keyId);
    await expect.poll(async () => (await shownFigures()).join() === stored(keyId).join()).toBe(true);
    const row = page.locator(`tr[data-key="${keyId}"] td`);
    await expect.poll(async () => (await row.allTextContents()).slice(0, 4), { message: name }).toEqual(stored(keyId));
    const [lower, upper] = bucketOf(keyId, 0.95);
    const isWithin = (shown: number) => shown >= lower * 0.95 && shown <= upper * 1.05;
    await expect.poll(async () => Number.parseFloat((await tile("Time to answer 95 %"))!)).toSatisfy(isWithin);
  }
  await page.getByRole("combobox", { name: "Key" }).selectOption("");
  const storedCodes = () =>
    query(
      "SELECT substr(name, 9) || sum(amount) FROM usage WHERE period LIKE 'day:%' AND name LIKE 'failure:%' GROUP BY name",
    ).map(([line]) => String(line).replace(/\.0$/, ""));
  await expect.poll(storedCodes).toEqual(expect.arrayContaining(["audio_unreadable3", "engine_key_invalid2"]));
  const shownCodes = async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return (await page.locator("tr:has(th code)").allTextContents()).sort();
  };
  await expect.poll(async () => (await shownCodes()).join() === storedCodes().join()).toBe(true);
  await page.getByText("As a table").first().click();
  await expect.poll(() => page.locator("details[open] td").count()).toBe(7);
  await page.getByLabel("Time").selectOption("24h");
  const isAsStored = async () => (await shownFigures()).slice(1).join() === stored().slice(1).join();
  await expect.poll(isAsStored).toBe(true);
});

/** What a view shows when it has its figures. */
const SHOWN = { now: ".tile", history: ".chart", jobs: "[data-job]", keys: ".card", log: "td" };

test("axe finds nothing in any view, in both languages", async () => {
  await page.setViewportSize({ width: 360, height: 720 });
  for (const [language, other] of [
    ["en", "Español"],
    ["es", "English"],
  ] as const) {
    await page.locator(`html[lang=${language}]`).waitFor();
    for (const [view, shown] of Object.entries(SHOWN)) {
      await show(view);
      await page.locator(`.tabs a[href="#/admin/${view}"][aria-current]`).waitFor();
      await page.locator(`main ${shown}`).first().waitFor();
      const found = language === "en" ? await findProblems(page) : await findBesideColours(page, "dark");
      expect(found, view).toEqual([]);
      const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect(isTooWide, view).toBe(false);
    }
    await page.getByRole("button", { name: other }).click();
  }
});

test("nothing of it breaks the page's policy", () => {
  expect(problems).toEqual([]);
});
