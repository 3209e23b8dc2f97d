/**
 * The real API as a process, its engine a stand-in on a socket, and a page that uses it. Needs the API's
 * Python packages: of ESCRIBA_PYTHON, or of the repository's own environment.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { vi } from "vitest";
import { recording, startEnvironment } from "./environment";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FILE = "english-short.wav";
const python = process.env.ESCRIBA_PYTHON ?? path.join(ROOT, ".venv/bin/python");

/** Whether the API is beside this folder and can run: a packed copy of `web/` has none. */
export const apiIsThere =
  existsSync(path.join(ROOT, "local_server.py")) &&
  existsSync(python) &&
  spawnSync(python, ["-c", "import fastapi, httpx"]).status === 0;

export type RealEnvironment = Awaited<ReturnType<typeof startRealEnvironment>>;

export async function startRealEnvironment() {
  const processes: ChildProcess[] = [];
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-data-"));
  const engineUrl = await firstLine(run(["-m", "tests.upstream"]));
  const apiUrl = `http://127.0.0.1:${await freePort()}`;
  const world = await startEnvironment({ apiUrl });
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

  return {
    ...world,
    apiUrl,
    /** What the engine does next; see `tests/upstream.py`. */
    engine: (orders: object) =>
      fetch(new URL("/_control", engineUrl), { method: "POST", body: JSON.stringify(orders) }),
    calmEngine: () => fetch(new URL("/_control", engineUrl), { method: "DELETE" }),
    job: async (id: string) => (await fetch(`${apiUrl}/job/${id}`)).json(),
    /** With its transcript. */
    async row(id: string) {
      const find = async (table: string) => {
        const rows = (await world.convex.backend.table(table)) as Array<Record<string, any>>;
        return rows.find(({ jobId }) => jobId === id);
      };
      const row = await find("transcriptionJobs");
      return { ...(await find("transcriptionResults")), ...row } as Record<string, any>;
    },
    async close() {
      for (const one of processes) one.kill();
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a recording of a voice; its job's id. */
export async function chooseRecording(page: Page): Promise<string> {
  await page.getByLabel("Choose recordings").setInputFiles(path.join(ROOT, "tests/data", FILE));
  return (await recording(page, FILE).getAttribute("data-job"))!;
}

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
