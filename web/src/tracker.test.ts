/** What one job shows when things go another way than they should. */
import { expect, test } from "vitest";
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
