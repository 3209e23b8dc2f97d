/** What one job shows when things go another way than they should. */
import type { ConvexReactClient } from "convex/react";
import { anyApi } from "convex/server";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { api as functions } from "../convex/_generated/api";
import { eventually } from "../test/eventually";
import {
  api,
  asks,
  beginWhileConvexIsAway,
  client,
  convex,
  file,
  leave,
  onlyJob,
  open,
  page,
  requests,
  row,
  takeConvexAway,
  until,
} from "../test/page";
import { createClient } from "./client";
import { linkConvex } from "./convexLink";
import { JobStorage } from "./jobStorage";

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
    api.intercept = (request, response) => {
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
    api.intercept = (request, response) =>
      request.url!.endsWith("/retry") &&
      (response.writeHead(409).end('{"error":{"code":"job_not_retryable","message":"No."}}'), true);
    await page.retry(jobId);
    expect(onlyJob()).toMatchObject({ problem: { code: "job_not_retryable", retryable: false }, canRetry: true });
  });
});

describe("a job that the API never accepted", () => {
  const refuse = () => {
    api.intercept = (request, response) => {
      if (request.url !== "/transcribe-job") return false;
      response.writeHead(400).end('{"error":{"code":"refused","message":"No."}}');
      return true;
    };
  };

  test("is sent again when it was cancelled and is wanted after all", async () => {
    open();
    refuse();
    const jobId = page.start(file(7));
    await until((job) => job.problem);
    await page.cancel(jobId);
    await eventually(async () => expect(await row()).toMatchObject({ status: "cancelled", presumed: true }));
    api.intercept = null;
    await page.retry(jobId);
    convex.dropConnections(); // its row, which says cancelled, is heard once more
    await until((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(7);
    await eventually(async () => expect(await row()).toMatchObject({ status: "queued" }));
  });

  test("is followed when it is sent again where an app has no Convex", async () => {
    open({ convex: null });
    refuse();
    const jobId = page.start(file());
    await until((job) => job.problem);
    await page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ status: "cancelled", canRetry: true });
    api.intercept = null;
    await page.retry(jobId);
    await until((job) => job.status === "queued");
  });

  test("and that was therefore given up elsewhere is sent again, too", async () => {
    open();
    refuse();
    const jobId = page.start(file());
    await until((job) => job.problem);
    await eventually(async () => expect(await row()).toMatchObject({ jobId }));
    vi.stubEnv("ESCRIBA_API_URL", api.url);
    await convex.backend.runInternal("reconcile:start", { quietMs: 0 });
    await until((job) => job.error?.code === "job_lost");
    expect(onlyJob().canRetry).toBe(true);
    api.intercept = null;
    await page.retry(jobId);
    await until((job) => job.status === "queued");
  });
});

test("a job that the API never accepted asks for its file, where the page has it no more", async () => {
  open();
  api.intercept = (request, response) =>
    request.url === "/transcribe-job" && (response.writeHead(400).end('{"error":{"code":"refused"}}'), true);
  const jobId = page.start(file());
  await until((job) => job.problem);
  await page.cancel(jobId);
  await eventually(async () => expect(await row()).toMatchObject({ status: "cancelled" }));
  leave();
  api.intercept = null;
  open();
  await until((job) => job.status === "cancelled" && job.canRetry);
  await page.retry(jobId);
  await until((job) => job.status === "pending" && job.needsFile);
  page.provide(jobId, file(8));
  await until((job) => job.status === "queued");
  expect(api.audio.get(jobId)).toBe(8);
});

describe("while the audio is sent", () => {
  const holdAudio = () => {
    let broken = 0;
    api.intercept = (request) => request.url!.endsWith("/audio") && (request.on("close", () => (broken += 1)), true);
    return () => broken;
  };

  test("a cancel that was asked for elsewhere ends the sending", async () => {
    open();
    const broken = holdAudio();
    const jobId = page.start(file());
    await eventually(() => expect(requests(/audio$/)).toBe(1));
    await createClient(api.url).cancel(jobId);
    await until((job) => job.status === "cancelled" && job.uploaded === null);
    await eventually(() => expect(broken()).toBe(1));
    expect(onlyJob().problem).toBeNull();
  });

  test("a cancel that was asked for elsewhere before the API had the job is brought to it", async () => {
    open();
    let release = () => {};
    api.intercept = (request, response) => {
      if (request.url !== "/transcribe-job") return false;
      release = () => void response.writeHead(503).end('{"error":{"code":"busy","message":"x","retryAfter":0}}');
      return true;
    };
    const jobId = page.start(file());
    await eventually(() => expect(requests(/transcribe-job/)).toBe(1));
    const ownerToken = localStorage.getItem("escriba:owner")!;
    await (client as ConvexReactClient).mutation(functions.jobs.cancel, { jobId, ownerToken });
    await until((job) => job.cancelling);
    api.intercept = null;
    release();
    await until((job) => job.status === "cancelled" && job.uploaded === null);
    expect(api.audio.has(jobId)).toBe(false);
  });
});

test("a next run without audio asks for the file", async () => {
  open();
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await createClient(api.url).cancel(jobId);
  await until((job) => job.status === "cancelled");
  leave();
  open(); // a page that has not the file
  await until((job) => job.status === "cancelled");
  await api.change(jobId, { status: "pending", run: 2, progress: 0 });
  await until((job) => job.run === 2 && job.needsFile);
  page.provide(jobId, file(9));
  await until((job) => job.status === "queued" && job.run === 2);
  expect(api.audio.get(jobId)).toBe(9);
});

test("a next run without audio offers to send what this page still has", async () => {
  open();
  const jobId = page.start(file(5));
  await until((job) => job.status === "queued");
  await createClient(api.url).cancel(jobId);
  await until((job) => job.status === "cancelled");
  await api.change(jobId, { status: "pending", run: 2, progress: 0 });
  await until((job) => job.run === 2 && job.canRetry && !job.needsFile);
  await page.retry(jobId);
  await until((job) => job.status === "queued" && job.run === 2);
});

test("a row that was made late is told by the API what it has missed, once", async () => {
  const jobId = await beginWhileConvexIsAway();
  await api.complete(jobId, "heard by nobody");
  api.convexSiteUrl = convex.siteUrl;
  convex.faults.clear();
  await eventually(async () => expect(await row()).toMatchObject({ status: "completed" }));
  expect(requests(/redeliver$/)).toBe(1);
});

test("a row that was there in time is not asked for again", async () => {
  open();
  page.start(file());
  await until((job) => job.status === "queued");
  expect(requests(/redeliver$/)).toBe(0);
});

test("a tab whose sibling stopped sending without a word offers to take the file, however late", async () => {
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
  const sibling = new JobStorage("escriba");
  const job = { jobId: crypto.randomUUID(), options: {}, filename: "a.wav", sizeBytes: 3, createdAt: Date.now() };
  const stillSending = () => {
    sibling.put({ ...job, accepted: false, sent: false, ended: false, websocketUrl: null, sendingAt: Date.now() });
    onStorage({ key: "escriba:jobs" });
  };
  stillSending();
  open({ convex: null });
  for (let seconds = 0; seconds < 60; seconds += 5) {
    vi.advanceTimersByTime(5_000);
    stillSending();
    expect(onlyJob().needsFile).toBe(false);
  }
  vi.advanceTimersByTime(14_000);
  expect(onlyJob().needsFile).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(onlyJob().needsFile).toBe(true);
});

describe("removing", () => {
  test("says so when Convex refuses, and keeps the job on the list", async () => {
    const link = linkConvex(client as ConvexReactClient, functions.jobs);
    open({ convex: { ...link, remove: () => Promise.reject(new Error("Server Error")) } });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await page.remove(jobId);
    expect(onlyJob().problem).toMatchObject({ code: "not_removed" });
    page.dismiss(jobId);
  });

  test("does not wait for a Convex that is away", async () => {
    open();
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    takeConvexAway();
    await eventually(() => expect(page.state.connection).toBe("polling"));
    await Promise.race([
      page.remove(jobId),
      new Promise((_, late) => setTimeout(() => late(new Error("hangs")), 3_000)),
    ]);
    expect(page.state.jobs).toEqual([]);
    convex.faults.clear(); // the page lives on, and brings it to Convex
    await eventually(async () => expect(await row()).toBeUndefined());
  });

  test("needs no functions in Convex", async () => {
    open({ convex: linkConvex(client as ConvexReactClient, anyApi.none as unknown as typeof functions.jobs) });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await page.remove(jobId);
    expect(page.state.jobs).toEqual([]);
  });
});

test("a cancel says which run it is for", async () => {
  const link = linkConvex(client as ConvexReactClient, functions.jobs);
  const cancels: unknown[] = [];
  open({ convex: { ...link, cancel: (args) => (cancels.push(args), link.cancel(args)) } });
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await page.cancel(jobId);
  await until((job) => job.status === "cancelled");
  await page.retry(jobId);
  await until((job) => job.run === 2);
  await page.cancel(jobId);
  expect(cancels).toMatchObject([{ run: 1 }, { run: 2 }]);
});

test("the text of an earlier run is not the next one's", async () => {
  open();
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await api.addPiece(jobId, { index: 0, start: 0, end: 1, text: "uno" }, { status: "processing" });
  await until((job) => job.text === "uno");
  await api.change(jobId, { status: "failed", error: { code: "engine_timeout", message: "x", retryable: true } });
  await until((job) => job.status === "failed");
  await page.retry(jobId);
  await until((job) => job.run === 2);
  expect(onlyJob().text).toBe("");
});

test("a recording keeps its place in the list, whatever the API's clock says", async () => {
  open();
  const first = page.start(file());
  await new Promise((later) => setTimeout(later, 5));
  const second = page.start(file());
  await eventually(() => expect(page.state.jobs.map(({ status }) => status)).toEqual(["queued", "queued"]));
  await api.change(first, { createdAt: new Date(Date.now() + 60_000).toISOString(), progress: 5 });
  await eventually(() => expect(page.state.jobs.some(({ progress }) => progress === 5)).toBe(true));
  expect(page.state.jobs.map(({ jobId }) => jobId)).toEqual([second, first]);
});
