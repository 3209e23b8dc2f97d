/** A page whose app has no Convex, or whose Convex is away for a while. */
import { anyApi } from "convex/server";
import { expect, test } from "vitest";
import { api as functions } from "../../example/convex/_generated/api";
import { eventually } from "../../test/eventually";
import {
  api,
  audioFile,
  client,
  convex,
  countPolls,
  countRequests,
  onlyJob,
  openPage,
  page,
  readRow,
  startJob,
  startJobWithoutConvex,
  takeConvexAway,
  untilJob,
} from "../../test/page";
import { linkConvex } from "./convexLink";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("without Convex the page polls the API, until the job has ended", async () => {
  openPage({ convex: null });
  const jobId = await startJob();
  await api.complete(jobId, "polled");
  await untilJob((job) => job.text === "polled");
  expect(page.state.connection).toBe("polling");
  const polls = countPolls();
  await sleep(900);
  expect(countPolls()).toBeLessThanOrEqual(polls + 1); // one may have been open
});

test("the page sends no second poll while the first has no answer", async () => {
  openPage({ convex: null, pollMs: 50, liveText: false });
  await startJob();
  api.intercept = (request) => request.method === "GET"; // never answers
  await eventually(() => expect(countPolls()).toBeGreaterThan(0));
  const polls = countPolls();
  await sleep(500);
  expect(countPolls()).toBeLessThanOrEqual(polls + 1); // the last one before may have had its answer
});

test("the page polls the API while Convex is away, and stops when Convex is back", async () => {
  openPage({ liveText: false, graceMs: 3_000 }); // a machine that stalls for a moment must not count as away
  await eventually(() => expect(page.state.connection).toBe("live"));
  const pollsBefore = countPolls();
  const jobId = await startJob();
  expect(countPolls()).toBe(pollsBefore);
  takeConvexAway();
  api.convexSiteUrl = null;
  await api.change(jobId, { status: "processing", progress: 30 });
  await untilJob((job) => job.progress === 30);
  expect(page.state.connection).toBe("polling");
  convex.faults.clear();
  await eventually(() => expect(page.state.connection).toBe("live"));
  expect(onlyJob().progress).toBe(30); // although the row is older
  const polls = countPolls();
  await sleep(700);
  expect(countPolls()).toBe(polls);
  api.convexSiteUrl = convex.siteUrl;
  await api.complete(jobId, "back");
  await untilJob((job) => job.text === "back");
});

test("a job that started and ended while Convex was away gets its row when Convex is back", async () => {
  const jobId = await startJobWithoutConvex();
  await api.complete(jobId, "done before its row");
  await untilJob((job) => job.text === "done before its row");
  convex.faults.clear();
  await eventually(async () => expect(await readRow()).toMatchObject({ jobId }));
  api.convexSiteUrl = convex.siteUrl;
  expect(await api.pushToConvex(jobId)).toBe(200);
  expect(await readRow()).toMatchObject({ status: "completed" });
  expect(await convex.backend.table("escriba/transcripts")).toMatchObject([
    { jobId, resultJson: '{"text":"done before its row"}' },
  ]);
  expect(onlyJob()).toMatchObject({ status: "completed", text: "done before its row" });
});

test("after a row was created late, the page asks the API once to push the job again", async () => {
  const jobId = await startJobWithoutConvex();
  await api.complete(jobId, "pushed nowhere");
  api.convexSiteUrl = convex.siteUrl;
  convex.faults.clear();
  await eventually(async () => expect(await readRow()).toMatchObject({ status: "completed" }));
  expect(countRequests(/redeliver$/)).toBe(1);
});

test("after a row was created in time, the page does not ask the API to push the job again", async () => {
  openPage();
  await startJob();
  expect(countRequests(/redeliver$/)).toBe(0);
});

test("where the functions are not deployed, the page polls the API", async () => {
  openPage({ convex: linkConvex(client, anyApi.none! as unknown as typeof functions.jobs) });
  const jobId = page.start(audioFile());
  await untilJob((job) => job.status === "queued");
  await api.complete(jobId, "polled");
  await untilJob((job) => job.text === "polled");
});
