/**
 * The page against the real API process, its engine a stand-in on a socket. Needs the API's Python
 * packages: of ESCRIBA_PYTHON, or of the repository's own environment; skipped where there is neither.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type World, recording, shows, startWorld } from "./world";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RECORDING = path.join(ROOT, "tests/data/english-short.wav");
const python = process.env.ESCRIBA_PYTHON ?? path.join(ROOT, ".venv/bin/python");
const isThere =
  existsSync(path.join(ROOT, "local_server.py")) &&
  existsSync(python) &&
  spawnSync(python, ["-c", "import fastapi, httpx"]).status === 0;
const end = { timeout: 20_000, interval: 20 };

describe.skipIf(!isThere)("with the real API", () => {
  let world: World;
  let folder: string;
  let apiUrl: string;
  let engineUrl: string;
  const processes: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "escriba-data-"));
    engineUrl = await firstLine(run(["-m", "tests.upstream"]));
    apiUrl = `http://127.0.0.1:${await freePort()}`;
    world = await startWorld({ apiUrl });
    const server = run(["local_server.py"], {
      PORT: new URL(apiUrl).port,
      DATA_DIR: folder,
      CORS_ORIGINS: "*",
      GROQ_API_KEY: "gsk_test",
      GROQ_BASE_URL: engineUrl,
      CONVEX_SITE_URL: world.convex.siteUrl,
      CONVEX_API_KEY: process.env.ESCRIBA_API_KEY!,
    });
    let said = "";
    server.stderr!.on("data", (data) => {
      said = (said + data).slice(-2_000);
    });
    const ended = new Promise<never>((_, reject) =>
      server.once("exit", () => reject(new Error(`The API ended at once:\n${said}`))),
    );
    await Promise.race([ended, vi.waitFor(() => fetch(`${apiUrl}/health`), { timeout: 30_000 })]);
    ended.catch(() => {}); // from now on it ends when we say so
  });
  afterAll(async () => {
    for (const one of processes) one.kill();
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await fetch(new URL("/_control", engineUrl), { method: "DELETE" });
    await Promise.all(world.browser.contexts().map((context) => context.close()));
  });

  test("from the file to the transcript", async () => {
    const page = await world.person();
    const id = await chooseRecording(page);
    await recording(page, "english-short.wav").locator("blockquote", { hasText: "heard" }).waitFor();
    await shows(page, "english-short.wav", "completed");
    await agree(id);
  });

  test("cancel while the engine is busy, then try again", async () => {
    await engine({ script: [{ hang: true }] });
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, "english-short.wav", "processing");
    await recording(page, "english-short.wav").getByRole("button", { name: "Cancel" }).click();
    await shows(page, "english-short.wav", "cancelled");
    await agree(id);
    await recording(page, "english-short.wav").getByRole("button", { name: "Try again" }).click();
    // A cancelled job's audio is gone from the service; the page still has it, and sends it again.
    await shows(page, "english-short.wav", "completed");
    await recording(page, "english-short.wav").locator("blockquote", { hasText: "heard" }).waitFor();
    if ((await job(id)).sync) await agree(id); // the deployment asks about running jobs only: a new run must be pushed
  });

  test("a cancel that races with completion ends in one state", async () => {
    await engine({ default: { delay: 0.3 } });
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, "english-short.wav", "processing");
    await page.waitForTimeout(300);
    await recording(page, "english-short.wav")
      .getByRole("button", { name: "Cancel" })
      .click({ timeout: 1_000 })
      .catch(() => {});
    await expect.poll(async () => (await job(id)).status, end).toMatch(/completed|cancelled/);
    await agree(id);
    await shows(page, "english-short.wav", (await row(id)).status);
  });

  async function chooseRecording(page: Awaited<ReturnType<World["person"]>>): Promise<string> {
    await page.getByLabel("Choose recordings").setInputFiles(RECORDING);
    return (await recording(page, "english-short.wav").getAttribute("data-job"))!;
  }

  const job = async (id: string) => (await fetch(`${apiUrl}/job/${id}`)).json();
  const row = async (id: string) =>
    ((await world.convex.backend.table("transcriptionJobs")) as Array<Record<string, any>>).find(
      ({ jobId }) => jobId === id,
    )!;

  /** Pushed, or else when the deployment asks: the row is the API's job. */
  async function agree(id: string) {
    if (!(await job(id)).sync) await world.convex.backend.runInternal("reconcile:start", { quietMs: -1 });
    await expect.poll(async () => (await row(id)).status, end).toBe((await job(id)).status);
    const { status, run, progress, result } = await job(id);
    const mine = await row(id);
    expect(mine).toMatchObject({ status, run, progress });
    if (result) expect(JSON.parse(mine.resultJson)).toMatchObject({ text: result.text });
    expect(mine).not.toHaveProperty("cancelRequestedAt");
  }

  const engine = (orders: object) =>
    fetch(new URL("/_control", engineUrl), { method: "POST", body: JSON.stringify(orders) });

  function run(args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(python, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout!.resume(); // a full pipe would stop it
    child.stderr!.resume();
    processes.push(child);
    return child;
  }
});

const firstLine = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    child.stdout!.once("data", (data) => resolve(String(data).split("\n")[0]!));
    child.once("exit", () => reject(new Error("It ended before it said where it is.")));
  });

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
