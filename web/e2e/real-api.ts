/**
 * The real API as a process, with a stand-in for its engine on a socket, and a page that uses the API. Needs the API's
 * Python packages: those of ESCRIBA_PYTHON, or of the repository's own environment.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { vi } from "vitest";
import { recording, startEnvironment } from "./environment";
import { freePort } from "./port";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const python = process.env.ESCRIBA_PYTHON ?? path.join(ROOT, ".venv/bin/python");

/** The file of a short recording, and its name in the page. */
export const FILE = "english-short.wav";

/** Whether the API is beside this folder and can run: a packed copy of `web/` has none. */
export const hasApi =
  existsSync(path.join(ROOT, "local_server.py")) &&
  existsSync(python) &&
  spawnSync(python, ["-c", "import fastapi, httpx"]).status === 0;

export type RealEnvironment = Awaited<ReturnType<typeof startRealEnvironment>>;

const ADMIN_KEY = "an-admin-key-for-tests-of-32-characters";

/**
 * With `accessKeys` the API asks for keys and serves nobody without one. The deployment has a key of it, and pages get
 * tokens of `tokenSeconds`.
 */
export async function startRealEnvironment({ accessKeys = false, tokenSeconds = 600 } = {}) {
  process.env.TOKEN_SECONDS = String(tokenSeconds);
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-data-"));
  const engine = runPython(["-m", "tests.upstream"]);
  const engineUrl = await firstLine(engine);
  const apiUrl = `http://127.0.0.1:${await freePort()}`;
  const environment = await startEnvironment({ apiUrl });
  const api = await startApi(apiUrl, {
    DATA_DIR: folder,
    CACHE_MB: "0", // tests send a recording twice, and mean it
    CORS_ORIGINS: "*",
    GROQ_API_KEY: "gsk_test",
    GROQ_BASE_URL: engineUrl,
    CONVEX_SITE_URL: environment.convex.siteUrl,
    CONVEX_API_KEY: process.env.ESCRIBA_API_KEY!,
    ...(accessKeys ? { ADMIN_KEY } : {}),
  });
  process.env.ESCRIBA_ACCESS_KEY = accessKeys ? await createKey(apiUrl) : "";
  const controlUrl = new URL("/_control", engineUrl);
  return {
    ...environment,
    apiUrl,
    /** What the engine answers next; see `tests/upstream.py`. */
    controlEngine: (orders: object) => fetch(controlUrl, { method: "POST", body: JSON.stringify(orders) }),
    resetEngine: () => fetch(controlUrl, { method: "DELETE" }),
    getJob: async (id: string) => (await fetch(`${apiUrl}/job/${id}`, { headers: as(ADMIN_KEY) })).json(),
    /** A token for one user, as the deployment asks for it. */
    createToken: async (sub: string) =>
      (await post(`${apiUrl}/tokens`, process.env.ESCRIBA_ACCESS_KEY!, { sub })).token,
    /** The row of a job, with the fields of its transcript. */
    async readRow(id: string) {
      const find = async (table: string) => {
        const rows = (await environment.convex.backend.table(table)) as Array<Record<string, unknown>>;
        return rows.find(({ jobId }) => jobId === id);
      };
      const row = await find("escriba/jobs");
      return { ...(await find("escriba/transcripts")), ...row } as {
        status: string;
        run: number;
        seq: number;
        resultJson: string;
      };
    },
    async close() {
      for (const child of [engine, api]) child.kill();
      await environment.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const as = (key: string) => ({ authorization: `Bearer ${key}` });

/** A key as an operator makes it for an app. */
async function createKey(apiUrl: string): Promise<string> {
  return (await post(`${apiUrl}/admin/keys`, ADMIN_KEY, { name: "the app", scopes: ["read", "transcribe"] })).key;
}

async function post(url: string, key: string, body: object) {
  const headers = { ...as(key), "content-type": "application/json" };
  return await (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

async function startApi(apiUrl: string, env: Record<string, string>): Promise<ChildProcess> {
  const api = runPython(["local_server.py"], { PORT: new URL(apiUrl).port, ...env });
  let output = "";
  api.stderr!.on("data", (data) => {
    output = (output + data).slice(-2_000);
  });
  const exit = new Promise<never>((_, reject) =>
    api.once("exit", () => reject(new Error(`The API did not start:\n${output}`))),
  );
  await Promise.race([exit, vi.waitFor(() => fetch(`${apiUrl}/health`), { timeout: 120_000 })]);
  exit.catch(() => {}); // `close` ends it
  return api;
}

function runPython(args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(python, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout!.resume(); // a full pipe would block the process
  child.stderr!.resume();
  return child;
}

/** Starts a job with a recording of a voice. Returns the job's id. */
export async function chooseRecording(page: Page): Promise<string> {
  await page.getByLabel("Choose recordings").setInputFiles(path.join(ROOT, "tests/data", FILE));
  return (await recording(page, FILE).getAttribute("data-job"))!;
}

const firstLine = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    child.stdout!.once("data", (data) => resolve(String(data).split("\n")[0]!));
    child.once("exit", () => reject(new Error("The process ended before it printed its address.")));
  });
