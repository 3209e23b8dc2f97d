/** Where the page gets a job's text from, and what it shows when there is none. */
import { expect, onTestFinished, test, vi } from "vitest";
import { LONG_GRACE, api, countPolls, onlyJob, openPage, page, startJob, untilJob } from "../../test/page";

/** Too large for a row: Convex stores it in a file. */
const LARGE = "y".repeat(300_000);

test("a transcript that is too large for a row comes from its file", async () => {
  openPage(LONG_GRACE);
  const jobId = await startJob();
  await api.complete(jobId, LARGE);
  await untilJob((job) => job.text === LARGE);
  expect(countPolls()).toBe(0);
});

test.each([
  ["in a row", ""],
  ["in a file", LARGE],
])("a correction of a transcript %s is shown", async (_, more) => {
  openPage(LONG_GRACE);
  const jobId = await startJob();
  await api.complete(jobId, `hola${more}`);
  await untilJob((job) => job.text === `hola${more}`);
  await api.complete(jobId, `adiós${more}`);
  await untilJob((job) => job.text === `adiós${more}`);
  expect(countPolls()).toBe(0);
});

test.each([
  ["answers with an error", 500, { text: "Internal error" }],
  ["does not have the file", 404, { code: "FileNotFound" }],
  ["answers with something else", 200, { code: "hotel portal" }],
])("where the file storage %s, the transcript comes from the API", async (_, status, body) => {
  openPage();
  const { fetch } = globalThis;
  vi.stubGlobal("fetch", (url: string | URL, init?: RequestInit) =>
    String(url).includes("/api/storage/") ? Promise.resolve(Response.json(body, { status })) : fetch(url, init),
  );
  onTestFinished(() => void vi.stubGlobal("fetch", fetch));
  const jobId = await startJob();
  await api.complete(jobId, LARGE);
  await untilJob((job) => job.text === LARGE, 3_000);
});

test("live text continues after the socket was cut, without a gap", async () => {
  openPage();
  const jobId = await startJob();
  await api.addPiece(jobId, { index: 0, start: 0, end: 1, text: "uno" }, { status: "processing" });
  await untilJob((job) => job.text === "uno");
  api.closeSockets();
  await api.addPiece(jobId, { index: 1, start: 1, end: 2, text: "dos" });
  await untilJob((job) => job.text === "uno dos");
});

test("the next run does not show the text of the earlier run", async () => {
  openPage();
  const jobId = await startJob();
  await api.addPiece(jobId, { index: 0, start: 0, end: 1, text: "uno" }, { status: "processing" });
  await untilJob((job) => job.text === "uno");
  await api.change(jobId, { status: "failed", error: { code: "engine_timeout", message: "x", retryable: true } });
  await untilJob((job) => job.status === "failed");
  await page.retry(jobId);
  await untilJob((job) => job.run === 2);
  expect(onlyJob().text).toBe("");
});

test("a completed job whose text has been deleted shows that", async () => {
  openPage({ convex: null });
  const jobId = await startJob();
  api.convexSiteUrl = null;
  await api.change(jobId, { status: "completed", completedAt: new Date().toISOString() });
  await untilJob((job) => job.status === "completed" && job.textIsGone);
});

test("a job that the API no longer knows fails in a page without Convex", async () => {
  openPage({ convex: null });
  const jobId = await startJob();
  api.jobs.delete(jobId);
  api.closeSockets();
  await untilJob((job) => job.status === "failed" && job.error?.code === "job_not_found");
});
