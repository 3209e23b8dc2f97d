/**
 * A page without a page, for each test anew: real Convex clients, a real local Convex, and an API on
 * a real socket.
 */
import { ConvexClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import WebSocket from "ws";
import { api as functions } from "../convex/_generated/api";
import { startLocalConvex } from "../dev/local-convex.mjs";
import { linkConvex } from "../src/convexLink";
import type { Transcription } from "../src/transcription";
import { Transcriptions, type TranscriptionsConfig } from "../src/transcriptions";
import { eventually } from "./eventually";
import { MemoryStorage } from "./memory-storage";
import { KEY, ApiStandIn } from "./api-stand-in";

export let convex: Awaited<ReturnType<typeof startLocalConvex>>;
export let api: ApiStandIn;
export let client: ConvexReactClient | ConvexClient;
export let page: Transcriptions;
let leavePage: () => void;

const options = { webSocketConstructor: WebSocket as never, unsavedChangesWarning: false, logger: false } as const;

export async function useConvexClient(): Promise<void> {
  await client.close();
  client = new ConvexClient(convex.url, options);
}

export function open(config: Partial<TranscriptionsConfig> = {}): void {
  page = new Transcriptions({
    apiUrl: api.url,
    convex: linkConvex(client, functions.jobs),
    graceMs: 200,
    pollMs: 300,
    ...config,
  });
  leavePage = page.subscribe(() => {});
}
export const leave = () => leavePage();

export const file = (size = 3) => new File([new Uint8Array(size)], "a.wav");
export const onlyJob = () => page.state.jobs[0]!;
export const row = async () => (await convex.backend.table("transcriptionJobs"))[0];
export const until = (ready: (job: Transcription) => unknown, timeout?: number) =>
  eventually(() => {
    if (!page.state.jobs[0] || !ready(onlyJob())) throw new Error(`last: ${JSON.stringify(page.state)}`);
  }, timeout);
/** How often a request like this came: `POST /transcribe-job`. */
export const requests = (like: RegExp) => api.requests.filter((request) => like.test(request)).length;
export const asks = () => requests(/^GET \/job/);

/** Nobody reaches Convex, until its faults are cleared. */
export function takeConvexAway(): void {
  convex.faults.add({ status: "away" });
  convex.dropConnections();
}

/** A page that saw Convex and begins a job once neither it nor the API does: the job's id. */
export async function beginWhileConvexIsAway(): Promise<string> {
  open();
  await eventually(() => expect(page.state.connection).toBe("live"));
  takeConvexAway();
  api.convexSiteUrl = null;
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  return jobId;
}

beforeAll(async () => {
  vi.stubEnv("ESCRIBA_API_KEY", KEY);
  vi.stubGlobal("WebSocket", WebSocket);
  convex = await startLocalConvex({ log: () => {} });
});
afterAll(() => convex.close());
beforeEach(async () => {
  vi.stubGlobal("localStorage", new MemoryStorage());
  api = await new ApiStandIn().start();
  api.convexSiteUrl = convex.siteUrl;
  client = new ConvexReactClient(convex.url, options);
  leavePage = () => {};
});
afterEach(async () => {
  leave();
  await client.close();
  await api.stop();
  convex.faults.clear();
  await convex.backend.clear();
});
