/** What one job shows when things go another way than they should. */
import { describe, expect, test } from "vitest";
import { api, asks, file, onlyJob, open, page, until } from "../test/page";

test("a retried job is followed again where an app has no Convex", async () => {
  open({ convex: null, liveText: false });
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await api.change(jobId, { status: "failed", error: { code: "engine_timeout", message: "Late.", retryable: true } });
  await until((job) => job.status === "failed");
  await page.retry(jobId);
  expect(onlyJob()).toMatchObject({ status: "queued", run: 2 });
  const asked = asks();
  await api.complete(jobId, "second time");
  await until((job) => job.text === "second time", 5_000);
  expect(asks()).toBeGreaterThan(asked);
});

describe("a problem between page and service", () => {
  /** Refuses the audio with an answer that may change: `passing` or not. */
  const refuseAudio = (status: number) => {
    api.interfere = (request, response) => {
      if (!request.url!.endsWith("/audio")) return false;
      const error = { code: "refused", message: "No.", retryAfter: 0 };
      request.resume().on("end", () => void response.writeHead(status).end(JSON.stringify({ error })));
      return true;
    };
  };

  test("is over when the job goes on all the same", async () => {
    open();
    refuseAudio(413);
    const jobId = page.start(file());
    await until((job) => job.problem?.code === "refused");
    await api.change(jobId, { status: "queued" });
    await until((job) => job.status === "queued");
    expect(onlyJob().problem).toBeNull();
  });

  test("says nothing about whether a failed job can be tried again", async () => {
    open({ convex: null });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await api.change(jobId, { status: "failed", error: { code: "engine_timeout", message: "x", retryable: true } });
    await until((job) => job.status === "failed");
    api.interfere = (request, response) =>
      request.url!.endsWith("/retry") &&
      (response.writeHead(409).end('{"error":{"code":"job_not_retryable","message":"No."}}'), true);
    await page.retry(jobId);
    expect(onlyJob()).toMatchObject({ problem: { code: "job_not_retryable", retryable: false }, canRetry: true });
  });
});
