// @vitest-environment node
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type Convex, TOKEN, deployment, jobId, message, push, row, transcript } from "./test.setup";
import { eventually } from "../test/eventually";

let t: Convex;
let server: Server;
let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const noSuchJob = { error: { code: "job_not_found", message: "There is no such job.", requestId: "r1" } };
const jobOfApi = (fields: object = {}) => ({
  jobId: jobId(1),
  status: "processing",
  stage: null,
  progress: 10,
  run: 1,
  seq: 3,
  attempts: 1,
  chunks: { done: 0, total: 2 },
  createdAt: "2026-01-02T03:04:05.678Z",
  startedAt: "2026-01-02T03:04:06Z",
  updatedAt: "2026-01-02T03:04:07Z",
  ...fields,
});

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  vi.stubEnv("ESCRIBA_API_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  t = deployment();
  await t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: TOKEN });
});
afterEach(
  () =>
    new Promise((closed) => {
      server.closeAllConnections();
      server.close(closed);
    }),
);

const editRow = (id: string, fields: Partial<Doc<"transcriptionJobs">>) =>
  t.run(async (ctx) => {
    const job = ctx.db.query("transcriptionJobs").withIndex("by_jobId", (q) => q.eq("jobId", id));
    await ctx.db.patch("transcriptionJobs", (await job.unique())!._id, fields);
  });

const DUE = { quietMs: -1 };
async function runRound(args: { quietMs?: number; requestMs?: number; roundMs?: number } = DUE) {
  const checks = await t.mutation(internal.reconcile.start, args);
  await eventually(async () => {
    const scheduled = await t.run((ctx) => ctx.db.system.query("_scheduled_functions").collect());
    expect(scheduled.every((job) => job.state.kind === "success")).toBe(true);
  });
  return checks;
}

test("a job without news becomes what the API answers, with its times and its transcript", async () => {
  answer = (_, response) =>
    json(
      response,
      200,
      jobOfApi({
        status: "completed",
        progress: 100,
        seq: 9,
        result: { text: "hola" },
        completedAt: "2026-01-02T03:05:00Z",
      }),
    );
  expect(await runRound()).toBe(1);
  expect(requests).toEqual([`GET /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({
    status: "completed",
    seq: 9,
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    completedAt: Date.UTC(2026, 0, 2, 3, 5),
  });
  expect(await transcript(t)).toEqual({ resultJson: '{"text":"hola"}' });
  expect(await runRound()).toBe(0);
});

test("jobs with recent news are not checked", async () => {
  expect(await runRound({})).toBe(0);
  expect(requests).toEqual([]);
});

test.each([404, 410])(
  "a job that the API answers %i for fails, or is cancelled where its owner asked for that",
  async (status) => {
    answer = (_, response) => json(response, status, noSuchJob);
    await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
    await t.mutation(api.jobs.cancel, { jobId: jobId(2), ownerToken: TOKEN });
    expect(await runRound()).toBe(2);
    expect(requests.sort()).toEqual([`DELETE /job/${jobId(2)}`, `GET /job/${jobId(1)}`]);
    expect(await row(t)).toMatchObject({
      status: "failed",
      presumed: true,
      error: { code: "job_lost", retryable: false },
    });
    expect(await row(t, jobId(2))).toMatchObject({ status: "cancelled", presumed: true });
    // A later snapshot of the API supersedes the presumed end.
    await push(t, message({ seq: 1, status: "processing" }));
    expect(await row(t)).toMatchObject({ status: "processing" });
    expect(await row(t)).not.toHaveProperty("presumed");
  },
);

test.each<[string, typeof answer]>([
  [
    "a proxy's 404 page",
    (_, response) => response.writeHead(404, { "content-type": "text/html" }).end("<h1>No active service</h1>"),
  ],
  ["a proxy's JSON 404", (_, response) => json(response, 404, { message: "no route" })],
  ["a proxy's 502", (_, response) => json(response, 502, { error: "bad gateway" })],
  ["a proxy's 429", (_, response) => json(response, 429, { error: { code: 429, message: "Later." } })],
  ["a cut connection", (request) => request.socket.destroy()],
  [
    "half a body",
    (_, response) => {
      response.writeHead(200, { "content-length": "99" }).write("{");
      response.destroy();
    },
  ],
])("%s changes no row and ends the round", async (_, reply) => {
  answer = reply;
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  const before = await row(t);
  expect(await runRound()).toBe(2);
  expect(requests).toHaveLength(1);
  expect(await row(t)).toEqual(before);
});

const failure = (code: string) => ({ error: { code, message: "Oh.", requestId: "r1" } });

test.each<[string, typeof answer]>([
  ["a 500 of the API", (_, response) => json(response, 500, failure("internal_error"))],
  ["a 503 of the API", (_, response) => json(response, 503, failure("busy"))],
  ["a 404 of the API with another code", (_, response) => json(response, 404, failure("not_found"))],
  ["a job of another user", (_, response) => json(response, 200, jobOfApi({ userId: "eve" }))],
  ["a body that is no job", (_, response) => json(response, 200, { hello: "world" })],
])("%s for the oldest job leaves its row as it is and does not end the round", async (_, oldest) => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await editRow(jobId(1), { updatedAt: 1, userId: "ana" });
  answer = (request, response) =>
    request.url!.includes(jobId(1)) ? oldest(request, response) : json(response, 200, jobOfApi({ jobId: jobId(2) }));
  await runRound();
  expect(requests).toHaveLength(2);
  expect(await row(t)).toMatchObject({ status: "pending" });
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound({ quietMs: 60_000 })).toBe(0);
});

test("an answer that a row cannot take does not end the round", async () => {
  await editRow(jobId(1), { updatedAt: 1 });
  await t.run(async (ctx) => {
    const { _id, _creationTime, ...same } = (await ctx.db.query("transcriptionJobs").first())!;
    await ctx.db.insert("transcriptionJobs", same); // an old table may hold a jobId twice
  });
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  answer = (request, response) => json(response, 200, jobOfApi({ jobId: request.url!.split("/").pop() }));
  expect(await runRound()).toBe(3);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound({ quietMs: 60_000 })).toBe(0);
});

test("a row without updatedAt is due by its creation time", async () => {
  await editRow(jobId(1), { updatedAt: undefined });
  answer = (_, response) => json(response, 404, noSuchJob);
  expect(await runRound({ quietMs: 60_000 })).toBe(0);
  expect(await runRound()).toBe(1);
  expect(await row(t)).toMatchObject({ status: "failed" });
});

test("an answer about another job, or one that is no job, changes nothing", async () => {
  answer = (_, response) => json(response, 200, jobOfApi({ jobId: jobId(7), status: "completed" }));
  await runRound();
  answer = (_, response) => json(response, 200, { hello: "world" });
  await runRound();
  expect(requests).toHaveLength(2);
  expect(await row(t)).toMatchObject({ status: "pending" });
});

test("a cancel that the page could not send is sent to the API", async () => {
  answer = (_, response) =>
    json(response, 200, jobOfApi({ status: "cancelled", seq: 4, completedAt: "2026-01-02T03:05:00Z" }));
  await push(t, message({ seq: 3, status: "processing" }));
  await t.mutation(api.jobs.cancel, { jobId: jobId(1), ownerToken: TOKEN });
  expect(await runRound()).toBe(1);
  expect(requests).toEqual([`DELETE /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({ status: "cancelled", seq: 4 });
  expect(await row(t)).not.toHaveProperty("cancelRequestedAt");
});

test("a snapshot that comes while the API is asked supersedes its answer", async () => {
  answer = (_, response) =>
    void push(t, message({ seq: 1, status: "queued" })).then(() => json(response, 404, noSuchJob));
  await runRound();
  expect(await row(t)).toMatchObject({ status: "queued", seq: 1 });
});

test("a request that hangs does not end the round", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await editRow(jobId(1), { updatedAt: 1 });
  answer = (request, response) => request.url!.includes(jobId(1)) || json(response, 200, jobOfApi({ jobId: jobId(2) }));
  await runRound({ ...DUE, requestMs: 200 });
  expect(requests).toHaveLength(2);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound({ quietMs: 60_000 })).toBe(0);
});

test("a round ends after its time when every request hangs", async () => {
  for (const n of [2, 3, 4]) await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
  answer = () => {};
  await runRound({ ...DUE, requestMs: 200, roundMs: 300 });
  expect(requests).toHaveLength(2);
});

test("a job that ends a round is not the first of the next round", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await editRow(jobId(1), { updatedAt: 1 });
  await editRow(jobId(2), { updatedAt: 2 });
  answer = (request) => request.socket.destroy();
  await runRound({ quietMs: 1_000 });
  await runRound({ quietMs: 1_000 });
  expect(requests).toEqual([`GET /job/${jobId(1)}`, `GET /job/${jobId(2)}`]);
});

test("a hundred cancels that fail do not keep the next cancel from the API", async () => {
  const CANCELS = 101;
  for (let n = 1; n <= CANCELS; n += 1) {
    await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
    await editRow(jobId(n), { cancelRequestedAt: n, status: "processing", updatedAt: Date.now() + 60_000 });
  }
  const last = jobId(CANCELS);
  answer = (request, response) =>
    request.url!.includes(last)
      ? json(response, 200, jobOfApi({ jobId: last, status: "cancelled", seq: 4 }))
      : json(response, 500, failure("internal_error"));
  expect(await runRound({})).toBe(100);
  expect(await runRound({})).toBe(1);
  expect(await row(t, last)).toMatchObject({ status: "cancelled" });
});
