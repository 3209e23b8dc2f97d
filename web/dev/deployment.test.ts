/**
 * All messages between API, Convex and page about one job: with the component, with the functions that apps copied
 * before there was a component, and with a real deployment of the example where CONVEX_SELF_HOSTED_URL, CONVEX_SITE_URL
 * and ESCRIBA_API_KEY name one. It shows where the local Convex differs from the real one.
 */
import { fileURLToPath } from "node:url";
import { ConvexClient } from "convex/browser";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { api } from "../example/convex/_generated/api";
import { startLocalConvex } from "./local-convex.mjs";
import { eventually } from "../test/eventually";
import { installApp } from "../test/installedApp";

const { CONVEX_SELF_HOSTED_URL, CONVEX_SITE_URL, ESCRIBA_API_KEY = "a-key-for-tests" } = process.env;
const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
type App = { functions: string | null; checkTypes?: () => Promise<string>; remove?: () => Promise<void> };
const APPS: Record<string, () => Promise<App>> = {
  "the component": async () => ({ functions: folder("../example/convex/") }),
  "copied functions": async () => ({ functions: folder("../test/copied/convex/") }),
  "an app that follows the README": installApp,
  ...(CONVEX_SELF_HOSTED_URL && CONVEX_SITE_URL ? { "the real deployment": async () => ({ functions: null }) } : {}),
};

describe.each(Object.entries(APPS))("with %s", (_, prepare) => {
  let app: App;
  let local: Awaited<ReturnType<typeof startLocalConvex>> | null = null;
  let client: ConvexClient;
  let siteUrl: string;
  const jobId = crypto.randomUUID();
  const access = { jobId, ownerToken: crypto.randomUUID() };

  beforeAll(async () => {
    app = await prepare();
    if (app.functions) {
      vi.stubEnv("ESCRIBA_API_KEY", ESCRIBA_API_KEY);
      local = await startLocalConvex({ functions: app.functions });
    }
    siteUrl = local?.siteUrl ?? CONVEX_SITE_URL!;
    client = new ConvexClient(local?.url ?? CONVEX_SELF_HOSTED_URL!, {
      webSocketConstructor: WebSocket as never,
      unsavedChangesWarning: false,
      logger: false,
    });
  }, 600_000); // an installation may take its time
  afterAll(async () => {
    await client.close();
    await local?.close();
    await app.remove?.();
  });

  const push = async (fields: object, key = ESCRIBA_API_KEY) => {
    const body = JSON.stringify({ jobId, seq: 1, status: "queued", progress: 0, timestamps: {}, ...fields });
    const response = await fetch(`${siteUrl}/transcription-jobs`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body,
    });
    return { http: response.status, ...(await response.json()) };
  };

  test("a job goes from the creation of its row to its removal", async () => {
    await app.checkTypes?.();
    expect(await push({})).toMatchObject({ http: 404, error: { code: "job_not_found" } });
    expect(await push({}, "wrong")).toMatchObject({ http: 401 });
    const seen: Array<{ status: string; resultUrl: string | null } | null> = [];
    client.onUpdate(api.jobs.get, access, (job) => seen.push(job));
    expect(await client.mutation(api.jobs.create, { ...access, filename: "a.wav" })).toEqual({ created: true });
    expect(
      await push({ seq: 2, status: "processing", progress: 12.5, chunks: { done: 1, total: null } }),
    ).toMatchObject({ http: 200, outcome: "applied" });
    expect(await client.mutation(api.jobs.cancel, access)).toEqual({ outcome: "requested" });
    const result = { words: Array.from({ length: 20_000 }, (_, i) => ({ word: `ñandú${i}`, start: i, end: i + 0.5 })) };
    expect(await push({ seq: 3, status: "completed", progress: 100, result })).toMatchObject({
      http: 200,
      outcome: "applied",
    });
    expect(await push({ seq: 3, status: "completed", progress: 100, result })).toMatchObject({
      http: 200,
      outcome: "duplicate",
    });
    expect(await push({ seq: 2, status: "processing", progress: 12.5 })).toMatchObject({
      http: 200,
      outcome: "stale",
      status: "completed",
    });
    await eventually(() => expect(seen.at(-1)).toMatchObject({ status: "completed", cancelRequested: false }));
    expect(await (await fetch(seen.at(-1)!.resultUrl!)).json()).toEqual(result);
    expect(await client.query(api.jobs.list, { ownerToken: access.ownerToken })).toMatchObject([
      { jobId, filename: "a.wav" },
    ]);
    await expect(client.mutation(api.jobs.create, { jobId, ownerToken: crypto.randomUUID() })).rejects.toMatchObject({
      data: { code: "forbidden" },
    });
    expect(await client.mutation(api.jobs.remove, access)).toBe(true);
    await eventually(() => expect(seen.at(-1)).toBeNull());
  });
});
