/** Cancelling, retrying and removing a job. */
import type { ConvexReactClient } from "convex/react";
import { anyApi } from "convex/server";
import { describe, expect, test, vi } from "vitest";
import { api as functions } from "../../example/convex/_generated/api";
import { eventually } from "../../test/eventually";
import {
  api,
  audioFile,
  client,
  closePage,
  convex,
  countPolls,
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
import { createClient } from "./client";
import { linkConvex } from "./convexLink";

const ENGINE_TIMEOUT = { code: "engine_timeout", message: "It took too long.", retryable: true };

describe("cancel", () => {
  test("shows at once, and the API's answer ends the job", async () => {
    openPage();
    const jobId = await startJob();
    const cancelled = page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ cancelling: true, canCancel: false });
    await cancelled;
    await untilJob((job) => job.status === "cancelled" && !job.cancelling && job.canRetry);
    await eventually(async () => expect(await readRow()).toMatchObject({ status: "cancelled" }));
  });

  test("in the moment when the API completes the job leaves page, row and API in one status", async () => {
    openPage();
    const jobId = await startJob();
    await Promise.all([page.cancel(jobId), api.complete(jobId, "too late")]);
    const { status } = api.jobs.get(jobId)!;
    await untilJob((job) => job.status === status && !job.cancelling);
    await eventually(async () => expect(await readRow()).toMatchObject({ status }));
    expect(await readRow()).not.toHaveProperty("cancelRequestedAt");
  });

  test("before the API has answered the job's creation waits for that answer", async () => {
    openPage();
    const release = holdCreation();
    const jobId = page.start(audioFile());
    await eventually(() => expect(countRequests(/transcribe-job/)).toBe(1));
    const cancelled = page.cancel(jobId);
    release();
    await cancelled;
    await untilJob((job) => job.status === "cancelled");
    await eventually(async () => expect(await readRow()).toMatchObject({ status: "cancelled", presumed: true }));
  });

  test("of a job that the API has never accepted needs no answer of the API", async () => {
    openPage({ convex: null });
    api.intercept = (request) => (request.socket.destroy(), true);
    const jobId = page.start(audioFile());
    await eventually(() => expect(countRequests(/transcribe-job/)).toBe(1));
    await page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ status: "cancelled", problem: null });
  }, 30_000);

  test("that does not reach the API stays in the row", async () => {
    openPage();
    const jobId = await startJob();
    api.intercept = (request) => request.method === "DELETE" && (request.socket.destroy(), true);
    void page.cancel(jobId);
    await eventually(async () => expect(await readRow()).toHaveProperty("cancelRequestedAt"));
    api.intercept = null;
    await untilJob((job) => job.status === "cancelled");
  });

  test("names its run in Convex", async () => {
    const link = linkConvex(client as ConvexReactClient, functions.jobs);
    const cancels: unknown[] = [];
    openPage({ convex: { ...link, cancel: (args) => (cancels.push(args), link.cancel(args)) } });
    const jobId = await startJob();
    await page.cancel(jobId);
    await untilJob((job) => job.status === "cancelled");
    await page.retry(jobId);
    await untilJob((job) => job.run === 2);
    await page.cancel(jobId);
    expect(cancels).toMatchObject([{ run: 1 }, { run: 2 }]);
  });

  test("by another client of the API aborts the upload", async () => {
    openPage();
    let aborted = 0;
    api.intercept = (request) => request.url!.endsWith("/audio") && (request.on("close", () => (aborted += 1)), true);
    const jobId = page.start(audioFile());
    await eventually(() => expect(countRequests(/audio$/)).toBe(1));
    await createClient(api.url).cancel(jobId);
    await untilJob((job) => job.status === "cancelled" && job.uploaded === null);
    await eventually(() => expect(aborted).toBe(1));
    expect(onlyJob().problem).toBeNull();
  });

  test("by another page before the API has the job is passed on by the page that uploads", async () => {
    openPage();
    const release = holdCreation();
    const jobId = page.start(audioFile());
    await eventually(() => expect(countRequests(/transcribe-job/)).toBe(1));
    const ownerToken = localStorage.getItem("escriba:owner")!;
    await (client as ConvexReactClient).mutation(functions.jobs.cancel, { jobId, ownerToken });
    await untilJob((job) => job.cancelling);
    release();
    await untilJob((job) => job.status === "cancelled" && job.uploaded === null);
    expect(api.audio.has(jobId)).toBe(false);
  });

  /** Holds `POST /transcribe-job` until the returned function is called; then the API is busy once. */
  function holdCreation(): () => void {
    let release = () => {};
    api.intercept = (request, response) => {
      if (request.url !== "/transcribe-job") return false;
      release = () => void response.writeHead(503).end('{"error":{"code":"busy","message":"x","retryAfter":0}}');
      return true;
    };
    return () => {
      api.intercept = null;
      release();
    };
  }
});

describe("retry", () => {
  test("starts the next run of a failed job from the beginning, with the same audio", async () => {
    openPage();
    const jobId = await startJob();
    await api.change(jobId, { status: "failed", progress: 60, error: ENGINE_TIMEOUT });
    await untilJob((job) => job.status === "failed" && job.canRetry && job.error?.code === "engine_timeout");
    await page.retry(jobId);
    await untilJob((job) => job.status === "queued" && job.run === 2 && job.progress === 0 && job.error === null);
    await api.complete(jobId, "second time");
    await untilJob((job) => job.text === "second time");
    expect(await readRow()).toMatchObject({ status: "completed", run: 2 });
  });

  test("starts the polling again where an app has no Convex", async () => {
    openPage({ convex: null, liveText: false });
    const jobId = await startJob();
    await api.change(jobId, { status: "failed", error: ENGINE_TIMEOUT });
    await untilJob((job) => job.status === "failed");
    await page.retry(jobId);
    expect(onlyJob()).toMatchObject({ status: "queued", run: 2 });
    const polls = countPolls();
    await api.complete(jobId, "second time");
    await untilJob((job) => job.text === "second time", 5_000);
    expect(countPolls()).toBeGreaterThan(polls);
  });

  test("that the API refuses shows a problem, and the failed job can still be retried", async () => {
    openPage({ convex: null });
    const jobId = await startJob();
    await api.change(jobId, { status: "failed", error: ENGINE_TIMEOUT });
    await untilJob((job) => job.status === "failed");
    failRequests(/\/retry$/, 409, { code: "job_not_retryable" });
    await page.retry(jobId);
    expect(onlyJob()).toMatchObject({ problem: { code: "job_not_retryable", retryable: false }, canRetry: true });
  });

  test("uploads the file that the page still has when the API was busy before", async () => {
    openPage();
    failRequests(/./, 503, { code: "busy" });
    const jobId = page.start(audioFile());
    await untilJob((job) => job.problem?.code === "busy" && job.problem.retryable && !job.needsFile);
    api.intercept = null;
    await page.retry(jobId);
    await untilJob((job) => job.status === "queued" && job.problem === null);
  });

  test("uploads the file that the page still has when the next run has no audio", async () => {
    openPage();
    const jobId = await startJob(audioFile(5));
    await createClient(api.url).cancel(jobId);
    await untilJob((job) => job.status === "cancelled");
    await api.change(jobId, { status: "pending", run: 2, progress: 0 });
    await untilJob((job) => job.run === 2 && job.canRetry && !job.needsFile);
    await page.retry(jobId);
    await untilJob((job) => job.status === "queued" && job.run === 2);
  });
});

describe("retry of a job that the API never accepted", () => {
  const startRefusedJob = async (file = audioFile()) => {
    failRequests(/\/transcribe-job$/, 400, { code: "refused" });
    const jobId = page.start(file);
    await untilJob((job) => job.problem);
    return jobId;
  };

  test("submits it again after it was cancelled, although its row still says cancelled", async () => {
    openPage();
    const jobId = await startRefusedJob(audioFile(7));
    await page.cancel(jobId);
    await eventually(async () => expect(await readRow()).toMatchObject({ status: "cancelled", presumed: true }));
    api.intercept = null;
    await page.retry(jobId);
    convex.dropConnections(); // the client receives the row once more
    await untilJob((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(7);
    await eventually(async () => expect(await readRow()).toMatchObject({ status: "queued" }));
  });

  test("submits it again after it was cancelled where an app has no Convex", async () => {
    openPage({ convex: null });
    const jobId = await startRefusedJob();
    await page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ status: "cancelled", canRetry: true });
    api.intercept = null;
    await page.retry(jobId);
    await untilJob((job) => job.status === "queued");
  });

  test("submits it again after the deployment has ended it as lost", async () => {
    openPage();
    const jobId = await startRefusedJob();
    await eventually(async () => expect(await readRow()).toMatchObject({ jobId }));
    vi.stubEnv("ESCRIBA_API_URL", api.url);
    const { _id } = await readRow();
    await convex.backend.inside("escriba", ({ db }) => db.patch("jobs", _id, { checkAt: 1 }));
    await convex.backend.runInternal("escriba/reconcile:start");
    await untilJob((job) => job.error?.code === "job_lost");
    expect(onlyJob().canRetry).toBe(true);
    api.intercept = null;
    await page.retry(jobId);
    await untilJob((job) => job.status === "queued");
  });

  test("asks for the file in a page that does not have it", async () => {
    openPage();
    const jobId = await startRefusedJob();
    await page.cancel(jobId);
    await eventually(async () => expect(await readRow()).toMatchObject({ status: "cancelled" }));
    closePage();
    api.intercept = null;
    openPage();
    await untilJob((job) => job.status === "cancelled" && job.canRetry);
    await page.retry(jobId);
    await untilJob((job) => job.status === "pending" && job.needsFile);
    page.provide(jobId, audioFile(8));
    await untilJob((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(8);
  });
});

describe("remove", () => {
  test("shows a problem when Convex refuses, and the job stays in the list", async () => {
    const link = linkConvex(client as ConvexReactClient, functions.jobs);
    openPage({ convex: { ...link, remove: () => Promise.reject(new Error("Server Error")) } });
    const jobId = await startJob();
    await page.remove(jobId);
    expect(onlyJob().problem).toMatchObject({ code: "not_removed" });
    page.dismiss(jobId);
  });

  test("does not wait for a Convex that is away, which removes the row when it is back", async () => {
    openPage();
    const jobId = await startJob();
    takeConvexAway();
    await eventually(() => expect(page.state.connection).toBe("polling"));
    const tooLate = new Promise((_, reject) => setTimeout(() => reject(new Error("remove hangs")), 60_000));
    await Promise.race([page.remove(jobId), tooLate]);
    expect(page.state.jobs).toEqual([]);
    convex.faults.clear();
    await eventually(async () => expect(await readRow()).toBeUndefined());
  });

  test("works where the functions are not deployed", async () => {
    openPage({ convex: linkConvex(client as ConvexReactClient, anyApi.none as unknown as typeof functions.jobs) });
    const jobId = await startJob();
    await page.remove(jobId);
    expect(page.state.jobs).toEqual([]);
  });
});

test("a problem disappears when the job goes on in spite of it", async () => {
  openPage();
  failRequests(/\/audio$/, 413, { code: "refused" });
  const jobId = page.start(audioFile());
  await untilJob((job) => job.problem?.code === "refused");
  await api.change(jobId, { status: "queued" });
  await untilJob((job) => job.status === "queued");
  expect(onlyJob().problem).toBeNull();
});
