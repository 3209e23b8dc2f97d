// @vitest-environment node
/** What the deployment asks the API about jobs without news, and when. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../example/convex/_generated/api";
import {
  type Convex,
  TOKEN,
  deployment,
  findRow,
  inComponent,
  jobId,
  message,
  push,
  row,
  runInternal,
  transcript,
} from "../../test/deployment";
import { eventually } from "../../test/eventually";
import type { Doc } from "./_generated/dataModel";

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

const editRow = (id: string, fields: Partial<Doc<"jobs">>) =>
  inComponent(t, async (ctx) => {
    const job = ctx.db.query("jobs").withIndex("by_jobId", (q) => q.eq("jobId", id));
    await ctx.db.patch("jobs", (await job.unique())!._id, fields);
  });

/** Makes every job that has not ended due. */
const makeDue = () =>
  inComponent(t, async (ctx) => {
    for (const { _id, checkAt } of await ctx.db.query("jobs").collect())
      if (checkAt !== undefined && checkAt > Date.now()) await ctx.db.patch("jobs", _id, { checkAt: 1_000 });
  });

/** Runs a round for the jobs that are due, to its end. */
async function runRound(args: { requestMs?: number; roundMs?: number } = {}) {
  const checks = await runInternal(t, "reconcile:start", args);
  await eventually(async () => {
    const now = Date.now();
    const scheduled = await inComponent(t, (ctx) => ctx.db.system.query("_scheduled_functions").collect());
    const due = scheduled.filter((job) => job.scheduledTime <= now + 1_000);
    expect(due.every((job) => job.state.kind === "success")).toBe(true);
  });
  return checks;
}

async function runDueRound(args: { requestMs?: number; roundMs?: number } = {}) {
  await makeDue();
  return await runRound(args);
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
  expect(await runDueRound()).toBe(1);
  expect(requests).toEqual([`GET /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({
    status: "completed",
    seq: 9,
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    completedAt: Date.UTC(2026, 0, 2, 3, 5),
  });
  expect(await transcript(t)).toEqual({ resultJson: '{"text":"hola"}' });
  expect(await runDueRound()).toBe(0);
});

test("where the API asks for keys, the request carries the deployment's", async () => {
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "esc_key");
  let authorization: string | undefined;
  answer = (request, response) => {
    authorization = request.headers.authorization;
    json(response, 200, jobOfApi());
  };
  expect(await runDueRound()).toBe(1);
  expect(authorization).toBe("Bearer esc_key");
  expect(await row(t)).toMatchObject({ status: "processing", seq: 3 });
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "");
});

test("jobs with recent news are not checked", async () => {
  expect(await runRound()).toBe(0);
  expect(requests).toEqual([]);
});

test.each([404, 410])(
  "a job that the API answers %i for fails, or is cancelled where its owner asked for that",
  async (status) => {
    answer = (_, response) => json(response, status, noSuchJob);
    await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
    await t.mutation(api.jobs.cancel, { jobId: jobId(2), ownerToken: TOKEN });
    expect(await runDueRound()).toBe(2);
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
  expect(await runDueRound()).toBe(2);
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
  await editRow(jobId(1), { checkAt: 1, userId: "ana" });
  answer = (request, response) =>
    request.url!.includes(jobId(1)) ? oldest(request, response) : json(response, 200, jobOfApi({ jobId: jobId(2) }));
  await runDueRound();
  expect(requests).toHaveLength(2);
  expect(await row(t)).toMatchObject({ status: "pending" });
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound()).toBe(0);
});

test("an answer that a row cannot take does not end the round", async () => {
  await editRow(jobId(1), { checkAt: 1 });
  await inComponent(t, async (ctx) => {
    const { _id, _creationTime, ...same } = (await ctx.db.query("jobs").first())!;
    await ctx.db.insert("jobs", same);
  });
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  answer = (request, response) => json(response, 200, jobOfApi({ jobId: request.url!.split("/").pop() }));
  expect(await runDueRound()).toBe(3);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound()).toBe(0);
});

test("an answer about another job, or one that is no job, changes nothing", async () => {
  answer = (_, response) => json(response, 200, jobOfApi({ jobId: jobId(7), status: "completed" }));
  await runDueRound();
  answer = (_, response) => json(response, 200, { hello: "world" });
  await runDueRound();
  expect(requests).toHaveLength(2);
  expect(await row(t)).toMatchObject({ status: "pending" });
});

test("a cancel that the page could not send is sent to the API", async () => {
  answer = (_, response) =>
    json(response, 200, jobOfApi({ status: "cancelled", seq: 4, completedAt: "2026-01-02T03:05:00Z" }));
  await push(t, message({ seq: 3, status: "processing" }));
  await t.mutation(api.jobs.cancel, { jobId: jobId(1), ownerToken: TOKEN });
  expect(await runDueRound()).toBe(1);
  expect(requests).toEqual([`DELETE /job/${jobId(1)}`]);
  expect(await row(t)).toMatchObject({ status: "cancelled", seq: 4 });
  expect(await row(t)).not.toHaveProperty("cancelRequestedAt");
});

test("a snapshot that comes while the API is asked supersedes its answer", async () => {
  answer = (_, response) =>
    void push(t, message({ seq: 1, status: "queued" })).then(() => json(response, 404, noSuchJob));
  await runDueRound();
  expect(await row(t)).toMatchObject({ status: "queued", seq: 1 });
});

test("a request that hangs does not end the round", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await editRow(jobId(1), { checkAt: 1 });
  answer = (request, response) => request.url!.includes(jobId(1)) || json(response, 200, jobOfApi({ jobId: jobId(2) }));
  await runDueRound({ requestMs: 1_000 });
  expect(requests).toHaveLength(2);
  expect(await row(t, jobId(2))).toMatchObject({ status: "processing", seq: 3 });
  expect(await runRound()).toBe(0);
});

test("a round ends after its time when every request hangs", async () => {
  for (const n of [2, 3, 4]) await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
  answer = () => {};
  await runDueRound({ requestMs: 500, roundMs: 900 });
  expect(requests).toHaveLength(2);
});

test("a job that ends a round is not the first of the next round", async () => {
  await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
  await editRow(jobId(1), { checkAt: 1 });
  answer = (request) => request.socket.destroy();
  expect(await runRound()).toBe(1);
  await editRow(jobId(2), { checkAt: 2 });
  expect(await runRound()).toBe(1);
  expect(requests).toEqual([`GET /job/${jobId(1)}`, `GET /job/${jobId(2)}`]);
});

test("a hundred cancels that fail do not keep the next cancel from the API", async () => {
  const CANCELS = 101;
  await inComponent(t, async (ctx) => {
    const { _id, _creationTime, ...row } = (await ctx.db.query("jobs").first())!;
    for (let n = 2; n <= CANCELS; n += 1)
      await ctx.db.insert("jobs", { ...row, jobId: jobId(n), cancelRequestedAt: n, checkAt: n, status: "processing" });
    await ctx.db.patch("jobs", _id, { cancelRequestedAt: 1, checkAt: 1, status: "processing" });
  });
  const last = jobId(CANCELS);
  answer = (request, response) =>
    request.url!.includes(last)
      ? json(response, 200, jobOfApi({ jobId: last, status: "cancelled", seq: 4 }))
      : json(response, 500, failure("internal_error"));
  expect(await runRound()).toBe(100);
  expect(await runRound()).toBe(1);
  expect(await row(t, last)).toMatchObject({ status: "cancelled" });
});

describe("when the API is asked", () => {
  const alarms = () => inComponent(t, (ctx) => ctx.db.query("alarms").collect());
  const minutes = (time: number | undefined) => Math.round((time! - Date.now()) / 60_000);

  test("there is one alarm while a job waits for news, and none afterwards", async () => {
    expect((await alarms()).map(({ at }) => minutes(at))).toEqual([5]);
    await push(t, message({ seq: 1, status: "processing" }));
    expect(await alarms()).toHaveLength(1);
    await push(t, message({ seq: 2, status: "completed" }));
    expect(await runRound()).toBe(0);
    expect([await alarms(), requests]).toEqual([[], []]);
  });

  test("a job that waits wakes the API at the time that the API gave", async () => {
    await push(t, message({ seq: 1, status: "waiting", waitingUntil: Date.now() + 60_000 }));
    const [alarm] = await alarms();
    expect(alarm!.at - Date.now()).toBeGreaterThan(60_000);
    expect(alarm!.at - Date.now()).toBeLessThan(90_000);
    answer = (_, response) => json(response, 200, jobOfApi({ seq: 2, status: "processing" }));
    expect(await runDueRound()).toBe(1);
    expect(await row(t)).toMatchObject({ status: "processing", seq: 2 });
  });

  test("the pauses grow while there is no news, up to six hours, and start over with the next news", async () => {
    answer = (_, response) => json(response, 500, failure("internal_error"));
    const pauses: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      expect(await runDueRound()).toBe(1);
      pauses.push(minutes((await findRow(t))!.checkAt));
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 360, 360, 360]);
    await push(t, message({ seq: 1, status: "processing" }));
    expect(minutes((await findRow(t))!.checkAt)).toBe(5);
  });

  test("a round follows another after two minutes at the earliest", async () => {
    answer = (_, response) => json(response, 500, failure("internal_error"));
    await t.mutation(api.jobs.cancel, { jobId: jobId(1), ownerToken: TOKEN });
    expect((await alarms()).map(({ at }) => minutes(at))).toEqual([1]);
    expect(await runDueRound()).toBe(1);
    expect((await alarms()).map(({ at }) => minutes(at))).toEqual([2]);
  });

  test("an answer without news changes no row", async () => {
    await push(t, message({ seq: 3, status: "processing", progress: 10 }));
    answer = (_, response) => json(response, 200, jobOfApi({ seq: 3 }));
    const before = await row(t);
    expect(await runDueRound()).toBe(1);
    expect([await row(t), requests.length]).toEqual([before, 1]);
  });

  test("an alarm that a failed deployment lost is set again", async () => {
    await inComponent(t, async (ctx) => {
      const [alarm] = await ctx.db.query("alarms").collect();
      await ctx.db.patch("alarms", alarm!._id, { at: Date.now() - 3_600_000 });
    });
    await runInternal(t, "reconcile:tidy");
    expect((await alarms()).map(({ at }) => minutes(at))).toEqual([5]);
  });
});

test("a row of a job that the API has never had is deleted a week after its end, and makes room for another", async () => {
  const week = 7 * 24 * 60 * 60_000;
  for (const n of [2, 3]) await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
  await push(t, message({ jobId: jobId(2), status: "processing" }));
  answer = (_, response) => void json(response, 404, noSuchJob);
  await makeDue();
  await runRound();
  for (const n of [1, 2, 3]) expect(await findRow(t, jobId(n))).toMatchObject({ status: "failed", presumed: true });
  for (const n of [1, 2]) await editRow(jobId(n), { updatedAt: Date.now() - week - 1 });
  await runInternal(t, "reconcile:tidy");
  expect(await findRow(t, jobId(1))).toBeNull();
  expect([await findRow(t, jobId(2)), await findRow(t, jobId(3))]).toEqual([expect.anything(), expect.anything()]);
  const accounts = await inComponent(t, (ctx) => ctx.db.query("owners").collect());
  expect(accounts.find(({ owner }) => owner.startsWith("token:"))?.rows).toBe(2);
});
