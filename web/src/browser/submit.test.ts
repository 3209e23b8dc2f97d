/** The upload of a job's audio: what the page repeats, what it shows, and when it asks for the file again. */
import { expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../../test/eventually";
import {
  api,
  audioFile,
  closePage,
  closePageWhileUploading,
  countRequests,
  failRequests,
  holdRequests,
  onlyJob,
  openPage,
  page,
  startJob,
  untilJob,
} from "../../test/page";
import { createClient } from "./client";
import { JobStorage } from "./jobStorage";

test("an upload whose answer was lost is not repeated", async () => {
  openPage();
  api.intercept = (request, response) => {
    if (!request.url!.endsWith("/audio")) return false;
    api.intercept = null;
    const jobId = request.url!.split("/")[2]!;
    request.resume().on("end", () => void api.change(jobId, { status: "queued" }).then(() => response.destroy()));
    return true;
  };
  page.start(audioFile());
  await untilJob((job) => job.status === "queued" && job.uploaded === null);
  expect(countRequests(/audio$/)).toBe(1);
});

test("an upload whose connection was cut is repeated", async () => {
  openPage();
  api.intercept = (request) =>
    request.url!.endsWith("/audio") && ((api.intercept = null), request.socket.destroy(), true);
  const jobId = await startJob(audioFile(500));
  expect(api.audio.get(jobId)).toBe(500);
});

test("an upload that the API refuses shows the API's reason, and is not repeated", async () => {
  openPage();
  failRequests(/\/audio$/, 413, { code: "upload_too_large", message: "Too large.", hint: "Cut it." });
  page.start(audioFile());
  await untilJob((job) => job.problem?.code === "upload_too_large");
  expect(onlyJob()).toMatchObject({
    ...{ problem: { message: "Too large.", hint: "Cut it.", retryable: false }, canRetry: false, uploaded: null },
  });
  expect(countRequests(/audio$/)).toBe(1);
});

test("a page that was closed while it uploaded asks for the file, and continues the same job", async () => {
  openPage();
  holdRequests(/\/audio$/);
  const jobId = page.start(audioFile());
  await eventually(() => expect(countRequests(/audio$/)).toBe(1));
  closePageWhileUploading();
  api.intercept = null;
  openPage();
  await untilJob((job) => job.needsFile && job.status === "pending");
  page.provide(jobId, audioFile(77));
  await untilJob((job) => job.status === "queued" && !job.needsFile);
  expect(api.audio.get(jobId)).toBe(77);
});

test("a page without the file asks for it when the next run has no audio", async () => {
  openPage();
  const jobId = await startJob();
  await createClient(api.url).cancel(jobId);
  await untilJob((job) => job.status === "cancelled");
  closePage();
  openPage();
  await untilJob((job) => job.status === "cancelled");
  await api.change(jobId, { status: "pending", run: 2, progress: 0 });
  await untilJob((job) => job.run === 2 && job.needsFile);
  page.provide(jobId, audioFile(9));
  await untilJob((job) => job.status === "queued" && job.run === 2);
  expect(api.audio.get(jobId)).toBe(9);
});

test("a tab asks for the file 15 s after the last heartbeat of the tab that uploaded it", async () => {
  let onStorage = (_: object) => {};
  vi.stubGlobal("addEventListener", (type: string, listener: typeof onStorage) => {
    if (type === "storage") onStorage = listener;
  });
  vi.stubGlobal("removeEventListener", () => {});
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
    vi.stubGlobal("addEventListener", undefined);
    vi.stubGlobal("removeEventListener", undefined);
  });
  const otherTab = new JobStorage("escriba");
  const job = { jobId: crypto.randomUUID(), options: {}, filename: "a.wav", sizeBytes: 3, createdAt: Date.now() };
  const beat = () => {
    otherTab.put({ ...job, accepted: false, sent: false, ended: false, websocketUrl: null, sendingAt: Date.now() });
    onStorage({ key: "escriba:jobs" });
  };
  beat();
  openPage({ convex: null });
  for (let seconds = 0; seconds < 60; seconds += 5) {
    vi.advanceTimersByTime(5_000);
    beat();
    expect(onlyJob().needsFile).toBe(false);
  }
  vi.advanceTimersByTime(14_000);
  expect(onlyJob().needsFile).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(onlyJob().needsFile).toBe(true);
});
