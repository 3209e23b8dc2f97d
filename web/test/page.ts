/**
 * A page without a browser, for each test anew: real Convex clients, a real local Convex, and a stand-in for the API
 * on a real socket.
 */
import { ConvexClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import WebSocket from "ws";
import { api as functions } from "../example/convex/_generated/api";
import { startLocalConvex } from "../dev/local-convex.mjs";
import { linkConvex } from "../src/browser/convexLink";
import type { Transcription } from "../src/browser/transcription";
import { Transcriptions, type TranscriptionsConfig } from "../src/browser/transcriptions";
import { ApiStandIn, KEY, json } from "./api-stand-in";
import { eventually } from "./eventually";
import { MemoryStorage } from "./memory-storage";

export let convex: Awaited<ReturnType<typeof startLocalConvex>>;
export let api: ApiStandIn;
export let client: ConvexReactClient | ConvexClient;
export let page: Transcriptions;
let unsubscribe: () => void;

const options = { webSocketConstructor: WebSocket as never, unsavedChangesWarning: false, logger: false } as const;

export async function useConvexClient(): Promise<void> {
  await client.close();
  client = new ConvexClient(convex.url, options);
}

export function openPage(config: Partial<TranscriptionsConfig> = {}): void {
  page = new Transcriptions({
    apiUrl: api.url,
    convex: linkConvex(client, functions.jobs),
    graceMs: 200,
    pollMs: 300,
    ...config,
  });
  unsubscribe = page.subscribe(() => {});
}
/** Convex may take this long to connect before the page polls the API: for tests that expect no poll. */
export const LONG_GRACE = { graceMs: 20_000 };
export const closePage = () => unsubscribe();

/** Closes the page as a browser does: what it uploads ends, and its heartbeats too. */
export function closePageWhileUploading(): void {
  closePage();
  const jobs = JSON.parse(localStorage.getItem("escriba:jobs")!);
  localStorage.setItem("escriba:jobs", JSON.stringify(jobs.map((job: object) => ({ ...job, sendingAt: 0 }))));
}

export const audioFile = (size = 3) => new File([new Uint8Array(size)], "a.wav");

/** Starts a job and waits until the API has its audio. Returns the job's id. */
export async function startJob(file = audioFile()): Promise<string> {
  const jobId = page.start(file);
  await untilJob((job) => job.status === "queued");
  return jobId;
}

export const onlyJob = () => page.state.jobs[0]!;
export const readRow = async () => (await convex.backend.table("escriba/jobs"))[0];
export const untilJob = (isReady: (job: Transcription) => unknown, timeout?: number) =>
  eventually(() => {
    if (!page.state.jobs[0] || !isReady(onlyJob())) throw new Error(`last: ${JSON.stringify(page.state)}`);
  }, timeout);

/** How many requests like `POST /transcribe-job` came. */
export const countRequests = (pattern: RegExp) => api.requests.filter((request) => pattern.test(request)).length;
export const countPolls = () => countRequests(/^GET \/job/);

/** Answers the requests to these addresses with an error of the API, until `api.intercept` is null again. */
export function failRequests(url: RegExp, status: number, error: { code: string } & Record<string, unknown>): void {
  api.intercept = (request, response) => {
    if (!url.test(request.url!)) return false;
    request.resume().on("end", () => json(response, status, { error: { message: "No.", retryAfter: 0, ...error } }));
    return true;
  };
}

/** Leaves the requests to these addresses without an answer, until `api.intercept` is null again. */
export function holdRequests(url: RegExp): void {
  api.intercept = (request) => url.test(request.url!);
}

/** Convex cannot be reached until its faults are cleared. */
export function takeConvexAway(): void {
  convex.faults.add({ status: "away" });
  convex.dropConnections();
}

/** A page connects to Convex, and starts a job once neither the page nor the API can reach Convex. */
export async function startJobWithoutConvex(): Promise<string> {
  openPage();
  await eventually(() => expect(page.state.connection).toBe("live"));
  takeConvexAway();
  api.convexSiteUrl = null;
  return await startJob();
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
  unsubscribe = () => {};
});
afterEach(async () => {
  closePage();
  await client.close();
  await api.stop();
  convex.faults.clear();
  await convex.backend.clear();
});
