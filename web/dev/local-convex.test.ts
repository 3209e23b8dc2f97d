/** Convex's own JavaScript clients against the local Convex. (The API's tests use its Python client.) */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { api } from "../example/convex/_generated/api";
import { startLocalConvex } from "./local-convex.mjs";
import { eventually } from "../test/eventually";

const KEY = "a-key-for-tests";
const ownerToken = "t".repeat(32);

let convex: Awaited<ReturnType<typeof startLocalConvex>>;
let client: ConvexClient;
let http: ConvexHttpClient;
let jobId: string;

beforeAll(async () => {
  vi.stubEnv("ESCRIBA_API_KEY", KEY);
  convex = await startLocalConvex({ log: () => {} });
});
afterAll(() => convex.close());
beforeEach(() => {
  jobId = crypto.randomUUID();
  client = new ConvexClient(convex.url, {
    webSocketConstructor: WebSocket as never,
    unsavedChangesWarning: false,
    logger: false,
  });
  http = new ConvexHttpClient(convex.url, { logger: false });
});
afterEach(async () => {
  await client.close();
  await fetch(`${convex.url}/dev/reset`, { method: "POST" });
});

const push = (fields: object, siteUrl = convex.siteUrl) =>
  fetch(`${siteUrl}/transcription-jobs`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ jobId, seq: 1, status: "queued", progress: 0, timestamps: {}, ...fields }),
  });
const inject = (fault: object) =>
  fetch(`${convex.siteUrl}/dev/faults`, { method: "POST", body: JSON.stringify(fault) });
const rows = async () => (await fetch(`${convex.siteUrl}/dev/table/escriba/jobs`)).json();

function watch() {
  const seen: Array<{ status: string; progress: number; resultUrl: string | null } | null> = [];
  client.onUpdate(api.jobs.get, { jobId, ownerToken }, (job) => seen.push(job));
  const until = (ready: (job: (typeof seen)[number]) => boolean) =>
    eventually(() => {
      if (!seen.length || !ready(seen.at(-1)!)) throw new Error(`last seen: ${JSON.stringify(seen.at(-1))}`);
    });
  return { seen, until };
}

test("a push of the API reaches a subscribed client", async () => {
  const { seen, until } = watch();
  await until((job) => job === null);
  await http.mutation(api.jobs.create, { jobId, ownerToken });
  await until((job) => job?.status === "pending");
  expect((await push({ status: "processing", progress: 42 })).status).toBe(200);
  await until((job) => job?.progress === 42);
  expect(seen.length).toBe(3);
  expect(await http.query(api.jobs.get, { jobId, ownerToken })).toEqual(seen.at(-1));
});

test("mutations return answers and errors with their data, and internal functions are not found", async () => {
  expect(await client.mutation(api.jobs.create, { jobId, ownerToken })).toEqual({ created: true });
  await expect(client.mutation(api.jobs.cancel, { jobId: "none", ownerToken })).rejects.toMatchObject({
    data: { code: "job_not_found" },
  });
  await expect(client.mutation("escriba/reconcile:start" as never, {} as never)).rejects.toThrow(
    "Could not find public function",
  );
  await expect(http.mutation("escriba/reconcile:start" as never, {} as never)).rejects.toThrow(
    "Could not find public function",
  );
  await expect(client.query(api.jobs.get, { jobId: 7 as never })).rejects.toThrow("Validator");
});

test("a client whose socket was cut gets the later changes, and its mutation runs once", async () => {
  await client.mutation(api.jobs.create, { jobId, ownerToken });
  const { until } = watch();
  await until((job) => job?.status === "pending");
  convex.dropConnections();
  const cancelling = client.mutation(api.jobs.cancel, { jobId, ownerToken });
  await push({ status: "completed", progress: 100 });
  await until((job) => job?.status === "completed");
  expect(await cancelling).toEqual({ outcome: expect.stringMatching(/requested|ended/) });
});

test("a large transcript is in a file with an address", async () => {
  await client.mutation(api.jobs.create, { jobId, ownerToken });
  const { seen, until } = watch();
  const result = { text: "y".repeat(1_500_000) };
  await push({ status: "completed", progress: 100, result });
  await until((job) => job?.resultUrl != null);
  expect(await (await fetch(seen.at(-1)!.resultUrl!)).json()).toEqual(result);
});

test("a transition of over 5 MB comes in chunks", async () => {
  const result = { text: "y".repeat(250_000) };
  const ids = Array.from({ length: 24 }, () => crypto.randomUUID());
  for (jobId of ids) {
    await http.mutation(api.jobs.create, { jobId, ownerToken });
    await push({ status: "completed", progress: 100, result });
  }
  const lengths: number[] = [];
  for (const id of ids)
    client.onUpdate(api.jobs.get, { jobId: id, ownerToken }, (job) => lengths.push(job!.resultJson!.length));
  await eventually(() => expect(lengths).toHaveLength(24));
  expect(new Set(lengths)).toEqual(new Set([250_011]));
});

test("a token signs a client in, and its queries run again", async () => {
  const token = `x.${Buffer.from(JSON.stringify({ sub: "ana", iss: "https://id.example" })).toString("base64url")}.x`;
  http.setAuth(token);
  await http.mutation(api.jobs.create, { jobId });
  const seen: unknown[] = [];
  client.onUpdate(api.jobs.get, { jobId }, (job) => seen.push(job));
  await eventually(() => expect(seen).toEqual([null]));
  client.setAuth(async () => token);
  await eventually(() => expect(seen.at(-1)).toMatchObject({ status: "pending" }));
});

test("injected faults: an error instead of the action, a lost answer, a slow answer", async () => {
  await http.mutation(api.jobs.create, { jobId, ownerToken });
  await inject({ status: 500, count: 1 });
  expect((await push({ seq: 1 })).status).toBe(500);
  expect((await rows())[0]).toMatchObject({ seq: -1 });
  await inject({ status: "drop_after_apply", count: 1 });
  await expect(push({ seq: 2 })).rejects.toThrow();
  expect((await rows())[0]).toMatchObject({ seq: 2 });
  await inject({ status: "slow", seconds: 0.2, count: 1 });
  const start = performance.now();
  expect(await (await push({ seq: 2 })).json()).toMatchObject({ outcome: "duplicate" });
  expect(performance.now() - start).toBeGreaterThan(190);
  expect(await (await fetch(`${convex.url}/dev/faults`)).json()).toEqual({ active: [], requests: 3, injected: 3 });
  const calls = await (await fetch(`${convex.url}/dev/calls`)).json();
  expect(calls).toMatchObject([
    { path: "/transcription-jobs", sent: { jobId, seq: 1 }, fault: 500, status: null, answer: null },
    { sent: { jobId, seq: 2 }, fault: "drop_after_apply", status: 200, answer: { outcome: "applied" } },
    { sent: { jobId, seq: 2 }, fault: "slow", status: 200, answer: { outcome: "duplicate" } },
  ]);
  expect((await inject({ status: "sometimes" })).status).toBe(400);
});

test("the development routes refuse requests from a page", async () => {
  await http.mutation(api.jobs.create, { jobId, ownerToken });
  const headers = { origin: "https://elsewhere.example" };
  for (const base of [convex.url, convex.siteUrl]) {
    expect((await fetch(`${base}/dev/table/escriba/jobs`, { headers })).status).toBe(403);
    expect((await fetch(`${base}/dev/reset`, { method: "POST", headers })).status).toBe(403);
  }
  expect(await rows()).toMatchObject([{ jobId }]);
});

test("while it is away no request is answered, and afterwards its rows are unchanged", async () => {
  await client.mutation(api.jobs.create, { jobId, ownerToken });
  const { until } = watch();
  await until((job) => job?.status === "pending");
  await inject({ status: "away" });
  await expect(push({ status: "processing" })).rejects.toThrow();
  await eventually(() => expect(client.connectionState().isWebSocketConnected).toBe(false));
  await fetch(`${convex.siteUrl}/dev/faults`, { method: "DELETE" });
  expect((await push({ status: "processing" })).status).toBe(200);
  await until((job) => job?.status === "processing");
});

test("with a file, rows and transcripts are there again after a restart", async () => {
  const file = path.join(await mkdtemp(path.join(tmpdir(), "local-convex-")), "content.json");
  const result = { text: "y".repeat(300_000) };
  const first = await startLocalConvex({ file });
  const client = new ConvexHttpClient(first.url, { logger: false });
  await client.mutation(api.jobs.create, { jobId, ownerToken, filename: "ñ.wav" });
  await push({ seq: 2, status: "completed", progress: 100, result }, first.siteUrl);
  await first.close();
  const second = await startLocalConvex({ file });
  const job = await new ConvexHttpClient(second.url, { logger: false }).query(api.jobs.get, { jobId, ownerToken });
  expect(job).toMatchObject({ status: "completed", seq: 2, filename: "ñ.wav" });
  expect(await (await fetch(job!.resultUrl!)).json()).toEqual(result);
  await second.close();
  await rm(path.dirname(file), { recursive: true });
});
