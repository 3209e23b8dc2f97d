// @vitest-environment node
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { type Convex, TOKEN, deployment, jobId, message, row, tell, transcript } from "./test.setup";
import { eventually } from "../test/eventually";

let t: Convex;
let server: Server;
let asked: string[];
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
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
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

const edit = (id: string, fields: Partial<Doc<"transcriptionJobs">>) =>
  t.run(async (ctx) => {
    const job = ctx.db.query("transcriptionJobs").withIndex("by_jobId", (q) => q.eq("jobId", id));
    await ctx.db.patch("transcriptionJobs", (await job.unique())!._id, fields);
  });

const DUE = { quietMs: -1 };
async function round(args: { quietMs?: number; requestMs?: number; roundMs?: number } = DUE) {
  const asking = await t.mutation(internal.reconcile.start, args);
  await eventually(async () => {
    const waiting = await t.run((ctx) => ctx.db.system.query("_scheduled_functions").collect());
    expect(waiting.every((job) => job.state.kind === "success")).toBe(true);
  });
  return asking;
}

test("a job without news takes what the API says of it, times and transcript too", async () => {
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
  expect(await round()).toBe(1);
  expect(asked).toEqual([`GET /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({
    status: "completed",
    seq: 9,
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    completedAt: Date.UTC(2026, 0, 2, 3, 5),
  });
  expect(await transcript(t)).toEqual({ resultJson: '{"text":"hola"}' });
  expect(await round()).toBe(0);
});

test("jobs that have had news lately are left alone", async () => {
  expect(await round({})).toBe(0);
  expect(asked).toEqual([]);
});

test.each([404, 410])(
  "a job the API answers %i to has failed, or, when that was wanted, is cancelled",
  async (status) => {
    answer = (_, response) => json(response, status, noSuchJob);
    await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
    await t.mutation(api.jobs.cancel, { jobId: jobId(2), ownerToken: TOKEN });
    expect(await round()).toBe(2);
    expect(asked.sort()).toEqual([`DELETE /job/${jobId(2)}`, `GET /job/${jobId(1)}`]);
    expect(await row(t)).toMatchObject({
      status: "failed",
      presumed: true,
      error: { code: "job_lost", retryable: false },
    });
    expect(await row(t, jobId(2))).toMatchObject({ status: "cancelled", presumed: true });
    // Should the API have known it after all, its word counts.
    await tell(t, message({ seq: 1, status: "processing" }));
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
])("nothing is concluded from %s, and the rest is not asked about", async (_, reply) => {
  answer = reply;
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  const before = await row(t);
  expect(await round()).toBe(2);
  expect(asked).toHaveLength(1);
  expect(await row(t)).toEqual(before);
});

const failure = (code: string) => ({ error: { code, message: "Oh.", requestId: "r1" } });

test.each<[string, typeof answer]>([
  ["500 of the API", (_, response) => json(response, 500, failure("internal_error"))],
  ["503 of the API", (_, response) => json(response, 503, failure("busy"))],
  ["404 of the API for an address it does not have", (_, response) => json(response, 404, failure("not_found"))],
  ["a job of another user", (_, response) => json(response, 200, jobOfApi({ userId: "eve" }))],
  ["what is no job", (_, response) => json(response, 200, { hello: "world" })],
])(
  "%s for the oldest job changes nothing, and the others are asked about, in the next round first",
  async (_, oldest) => {
    await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
    await edit(jobId(1), { updatedAt: 1, userId: "ana" });
    answer = (request, response) =>
      request.url!.includes(jobId(1)) ? oldest(request, response) : json(response, 200, jobOfApi({ jobId: jobId(2) }));
    await round();
    expect(asked).toHaveLength(2);
    expect(await row(t)).toMatchObject({ status: "pending" });
    expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
    expect(await round({ quietMs: 60_000 })).toBe(0);
  },
);

test("an answer that a row cannot take keeps no other job from being asked about", async () => {
  await edit(jobId(1), { updatedAt: 1 });
  await t.run(async (ctx) => {
    const { _id, _creationTime, ...same } = (await ctx.db.query("transcriptionJobs").first())!;
    await ctx.db.insert("transcriptionJobs", same); // a table from elsewhere: nothing there forbids it
  });
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  answer = (request, response) => json(response, 200, jobOfApi({ jobId: request.url!.split("/").pop() }));
  expect(await round()).toBe(3);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await round({ quietMs: 60_000 })).toBe(0);
});

test("a row that says nothing of when it last heard counts from when it was made", async () => {
  await edit(jobId(1), { updatedAt: undefined });
  answer = (_, response) => json(response, 404, noSuchJob);
  expect(await round({ quietMs: 60_000 })).toBe(0);
  expect(await round()).toBe(1);
  expect(await row(t)).toMatchObject({ status: "failed" });
});

test("an answer about another job, or that is no job, changes nothing", async () => {
  answer = (_, response) => json(response, 200, jobOfApi({ jobId: jobId(7), status: "completed" }));
  await round();
  answer = (_, response) => json(response, 200, { hello: "world" });
  await round();
  expect(asked).toHaveLength(2);
  expect(await row(t)).toMatchObject({ status: "pending" });
});

test("a cancel that the page could not deliver is delivered", async () => {
  answer = (_, response) =>
    json(response, 200, jobOfApi({ status: "cancelled", seq: 4, completedAt: "2026-01-02T03:05:00Z" }));
  await tell(t, message({ seq: 3, status: "processing" }));
  await t.mutation(api.jobs.cancel, { jobId: jobId(1), ownerToken: TOKEN });
  expect(await round()).toBe(1);
  expect(asked).toEqual([`DELETE /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({ status: "cancelled", seq: 4 });
  expect(await row(t)).not.toHaveProperty("cancelRequestedAt");
});

test("news that came while the API was asked is not overruled", async () => {
  answer = (_, response) =>
    void tell(t, message({ seq: 1, status: "queued" })).then(() => json(response, 404, noSuchJob));
  await round();
  expect(await row(t)).toMatchObject({ status: "queued", seq: 1 });
});

test("a job whose request hangs costs its own time, and the others are asked about in the same round", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await edit(jobId(1), { updatedAt: 1 });
  answer = (request, response) => request.url!.includes(jobId(1)) || json(response, 200, jobOfApi({ jobId: jobId(2) }));
  await round({ ...DUE, requestMs: 200 });
  expect(asked).toHaveLength(2);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await round({ quietMs: 60_000 })).toBe(0);
});

test("a round in which every request hangs ends in time for the next", async () => {
  for (const n of [2, 3, 4]) await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
  answer = () => {};
  await round({ ...DUE, requestMs: 200, roundMs: 300 });
  expect(asked).toHaveLength(2);
});

test("the job that a round ended with goes to the back of the queue", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await edit(jobId(1), { updatedAt: 1 });
  await edit(jobId(2), { updatedAt: 2 });
  answer = (request) => request.socket.destroy();
  await round({ quietMs: 1_000 });
  await round({ quietMs: 1_000 });
  expect(asked).toEqual([`GET /job/${jobId(1)}`, `GET /job/${jobId(2)}`]);
});

test("a hundred cancels that fail do not keep the next one from being delivered", async () => {
  const CANCELS = 101;
  for (let n = 1; n <= CANCELS; n += 1) {
    await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
    await edit(jobId(n), { cancelRequestedAt: n, status: "processing", updatedAt: Date.now() + 60_000 });
  }
  const last = jobId(CANCELS);
  answer = (request, response) =>
    request.url!.includes(last)
      ? json(response, 200, jobOfApi({ jobId: last, status: "cancelled", seq: 4 }))
      : json(response, 500, failure("internal_error"));
  expect(await round({})).toBe(100);
  expect(await round({})).toBe(1);
  expect(await row(t, last)).toMatchObject({ status: "cancelled" });
});
