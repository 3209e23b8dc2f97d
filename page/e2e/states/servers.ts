/** The servers of the table of states, and the browser before them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startLocalConvex } from "../../../web/dev/local-convex.mjs";
import { startEngine } from "../engine";
import { closePages, type Server, sharedBrowser, startServer } from "../environment";
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

/** Of `english.flac`: Jane Austen, Sense and Sensibility. */
const SENTENCES = [
  "And Mister John Dashwood had then leisure to consider",
  "He was not an ill-disposed young man",
  "He might even have been made amiable himself",
];

export async function openAll() {
  process.env.ESCRIBA_API_KEY = CONVEX_KEY; // of the app's functions, which run in this process
  const [engine, convex] = await Promise.all([
    startEngine(SENTENCES),
    startLocalConvex({ crons: false, log: () => {} }),
  ]);
  const ofGuarded = {
    ...{ PAGE_PASSWORD, CONVEX_SITE_URL: convex.siteUrl, CONVEX_API_KEY: CONVEX_KEY, CONVEX_PAGE_URL: convex.url },
    ...engine.settings,
  };
  const [open, strict, guarded] = await Promise.all([
    startServer(engine.settings),
    startServer({ ...STRICT, ...engine.settings }),
    startServer(ofGuarded),
  ]);
  const browser = await sharedBrowser();
  const replaced = new Replaced(guarded, ofGuarded);
  const servers: Servers = {
    open: open.url,
    strict: strict.url,
    guarded: guarded.url,
    key: await makeKey(strict.url),
    adminKey: ADMIN_KEY,
    password: PAGE_PASSWORD,
    engine,
    freeze: open.freeze,
    thaw: open.thaw,
    replace: () => replaced.replace(),
    loseConvex() {
      convex.faults.add({ status: "away" });
      convex.dropConnections();
    },
  };
  const close = async () => {
    await closePages(browser);
    await Promise.all([open.stop(), strict.stop(), replaced.stop(), convex.close()]);
    engine.close();
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
