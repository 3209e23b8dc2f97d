/** The servers of the table of states, and the browser before them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { startLocalConvex } from "../../../web/dev/local-convex.mjs";
import { launch, type Server, startServer } from "../environment";
import { makeNewerServer } from "../newerServer";
import type { Servers } from "./table";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
const PAGE_PASSWORD = "la señora Muñoz canta";
const CONVEX_KEY = "a-key-for-tests";

/** It takes little, its engine takes one request a day, and it calls receivers that are not there. */
const STRICT = {
  ADMIN_KEY,
  QUOTA_REQUESTS_PER_DAY: "1",
  MAX_JOB_UPLOAD_MB: "1",
  MAX_AUDIO_MINUTES: "1",
  CALLBACK_SECRET: "a secret of the states",
  CALLBACK_PRIVATE_ADDRESSES: "true",
};

/** A beep. */
const MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

export async function openAll() {
  process.env.ESCRIBA_API_KEY = CONVEX_KEY; // of the app's functions, which run in this process
  const convex = await startLocalConvex({ crons: false, log: () => {} });
  const settings = {
    PAGE_PASSWORD,
    CONVEX_SITE_URL: convex.siteUrl,
    CONVEX_API_KEY: CONVEX_KEY,
    CONVEX_PAGE_URL: convex.url,
  };
  const [open, guarded] = await Promise.all([startServer(), startServer(settings)]);
  // The embedded engine has no quota; the other server's API is an engine that may have one.
  const strict = await startServer({ ...STRICT, GROQ_BASE_URL: `${open.url}/v1` });
  const browser = await launch(inject("chromium"), ...MICROPHONE);
  const replaced = new Replaced(guarded, settings);
  const servers: Servers = {
    open: open.url,
    strict: strict.url,
    guarded: guarded.url,
    key: await makeKey(strict.url),
    adminKey: ADMIN_KEY,
    password: PAGE_PASSWORD,
    freeze: open.freeze,
    thaw: open.thaw,
    replace: () => replaced.replace(),
    loseConvex() {
      convex.faults.add({ status: "away" });
      convex.dropConnections();
    },
  };
  const close = async () => {
    await browser.close();
    await Promise.all([open.stop(), strict.stop(), replaced.stop(), convex.close()]);
  };
  return { browser, servers, close };
}

/** A server in whose place one with a newer page is started. */
class Replaced {
  #folder: string | null = null;

  constructor(
    private server: Server,
    private readonly settings: Record<string, string>,
  ) {}

  async replace(): Promise<void> {
    this.#folder = await mkdtemp(path.join(tmpdir(), "escriba-newer-"));
    const root = await makeNewerServer(path.join(this.#folder, "root"));
    await this.server.stop();
    this.server = await startServer({ ...this.settings, PORT: new URL(this.server.url).port }, root);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true });
  }
}

async function makeKey(url: string): Promise<string> {
  const made = await fetch(`${url}/admin/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "La redacción, para las entrevistas de la semana" }),
  });
  return ((await made.json()) as { key: string }).key;
}
