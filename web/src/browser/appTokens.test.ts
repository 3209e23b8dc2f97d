/** A page of an app whose API asks for access keys: it gets its tokens from the app's Convex functions by itself. */
import { beforeEach, expect, test, vi } from "vitest";
import { ACCESS_KEY } from "../../test/api-tokens";
import {
  LONG_GRACE,
  api,
  audioFile,
  closePage,
  convex,
  countRequests,
  failRequests,
  onlyJob,
  openPage,
  page,
  readRow,
  startJob,
  takeConvexAway,
  untilJob,
} from "../../test/page";
import { eventually } from "../../test/eventually";
import { ApiError } from "./apiError";
import { createClient } from "./client";

beforeEach(() => {
  vi.stubEnv("ESCRIBA_API_URL", api.url);
  vi.stubEnv("ESCRIBA_ACCESS_KEY", ACCESS_KEY);
  api.tokens.areNeeded = true;
});

const usedTokens = () => new Set(api.tokens.credentials.map((credential) => credential.split(" ")[1]));

test("every request and socket has the token of the job's owner, and one token serves many", async () => {
  openPage({ ...LONG_GRACE, userId: "ana" }); // the label is not the token's user
  const jobId = await startJob();
  await api.addPiece(jobId, { index: 0, start: 0, end: 5, text: "Hola" });
  await untilJob((job) => job.text === "Hola");
  await api.complete(jobId, "Hola.");
  await untilJob((job) => job.result !== null);
  await eventually(async () => expect(await readRow()).toMatchObject({ status: "completed", userId: "ana" }));
  page.start(audioFile());
  await eventually(() => expect(api.jobs.size).toBe(2));
  expect(usedTokens()).toEqual(new Set(["est_1"]));
  expect(api.tokens.credentials).toContain("WebSocket est_1");
  expect(api.tokens.subs.get("est_1")).toBe((await readRow()).owner);
  expect(countRequests(/^POST \/tokens/)).toBe(1);
});

test("a token that the API refuses is replaced, also for a socket", async () => {
  openPage(LONG_GRACE);
  const jobId = await startJob();
  await eventually(() => expect(api.tokens.credentials).toContain("WebSocket est_1"));
  api.tokens.refuse("est_1");
  api.closeSockets();
  await eventually(() => expect(api.tokens.credentials).toContain("WebSocket est_2"));
  api.tokens.refuse("est_2");
  await page.cancel(jobId);
  expect(onlyJob()).toMatchObject({ status: "cancelled", problem: null });
  expect(api.tokens.credentials.slice(-2)).toEqual(["DELETE est_2", "DELETE est_3"]);
});

test("after a reload the page still knows whose the job is", async () => {
  openPage(LONG_GRACE);
  const jobId = await startJob();
  closePage();
  openPage(LONG_GRACE);
  await page.cancel(jobId);
  expect(onlyJob().status).toBe("cancelled");
  expect(countRequests(/^DELETE/)).toBe(1);
});

test("while Convex is away there is no token, and the job has a problem that goes by", async () => {
  openPage();
  await eventually(() => expect(page.state.connection).toBe("live"));
  takeConvexAway();
  await eventually(() => expect(page.state.connection).toBe("polling"));
  const jobId = page.start(audioFile());
  await untilJob((job) => job.problem !== null, 30_000);
  expect(onlyJob().problem).toMatchObject({ code: "token_unavailable", retryable: true });
  convex.faults.clear();
  await eventually(() => expect(page.state.connection).toBe("live"), 30_000);
  await page.retry(jobId);
  await untilJob((job) => job.status === "queued");
});

test("a page without Convex gets its tokens from the app's own server", async () => {
  const needs: unknown[] = [];
  const client = createClient(api.url, {
    getToken: (need) => {
      needs.push(need);
      api.tokens.subs.set(`own_${needs.length}`, "ana");
      return Promise.resolve({ token: `own_${needs.length}`, expiresIn: 600 });
    },
  });
  const jobId = crypto.randomUUID();
  await client.createJob({ jobId, userId: "anything" });
  api.tokens.refuse("own_1");
  expect((await client.getJob(jobId)).job.status).toBe("pending");
  expect(needs).toEqual([{ isRefused: false }, { isRefused: true }]);
});

test("a request that the API refuses twice fails with the API's words", async () => {
  failRequests(/^\/job/, 401, { code: "key_invalid" });
  const getToken = () => Promise.resolve({ token: "est_bad", expiresIn: 600 });
  const failure = createClient(api.url, { getToken }).getJob(crypto.randomUUID());
  await expect(failure).rejects.toBeInstanceOf(ApiError);
  await expect(failure).rejects.toMatchObject({ status: 401, code: "key_invalid", isRetryable: false });
  expect(countRequests(/^GET/)).toBe(2);
});

test("an API without keys costs no call for a token", async () => {
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "");
  api.tokens.areNeeded = false;
  openPage(LONG_GRACE);
  const jobId = await startJob();
  await api.complete(jobId, "free");
  await untilJob((job) => job.text === "free");
  expect([usedTokens(), countRequests(/tokens/)]).toEqual([new Set([""]), 0]);
});
