/** The page's side without a page: real Convex clients, a real local Convex, and an API on a real socket. */
import { webcrypto } from "node:crypto";
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
  useConvexClient,
} from "../test/page";
import { createClient } from "./client";
import { ApiError } from "./apiError";
import { linkConvex } from "./convexLink";

describe.each(["ConvexReactClient", "ConvexClient"])("with %s", (kind) => {
  test("from the file to the transcript, and the API is never asked", async () => {
    if (kind === "ConvexClient") await useConvexClient();
    open();
    const jobId = page.start(file(1000), { language: "es" });
    expect(onlyJob()).toMatchObject({ jobId, filename: "a.wav", sizeBytes: 1000, status: "pending", uploaded: 0 });
    await until((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(1000);
    await api.change(jobId, { status: "processing", progress: 40, chunks: { done: 1, total: 2 } });
    await until((job) => job.progress === 40);
    await api.addPiece(jobId, { index: 0, start: 0, end: 5, text: " Hola a " });
    await api.addPiece(jobId, { index: 1, start: 5, end: 9, text: "todos." });
    await until((job) => job.text === "Hola a todos.");
    await api.complete(jobId, "Hola a todos.");
    await until((job) => job.result !== null);
    expect(onlyJob()).toMatchObject({
      status: "completed",
      progress: 100,
      text: "Hola a todos.",
      canCancel: false,
      problem: null,
      uploaded: null,
    });
    expect(page.state.connection).toBe("live");
    expect(asks()).toBe(0);
  });
});

test("a job is remembered before anything can fail, and found again after a reload", async () => {
  open();
  const jobId = page.start(file());
  expect(localStorage.getItem("escriba:jobs")).toContain(jobId);
  await until((job) => job.status === "queued");
  leave();
  await api.complete(jobId, "while nobody watched");
  open();
  expect(onlyJob().jobId).toBe(jobId);
  await until((job) => job.text === "while nobody watched");
  expect(asks()).toBe(0);
});

test("several jobs, newest first, each with its own fate", async () => {
  open();
  const first = page.start(file());
  await new Promise((later) => setTimeout(later, 5));
  const second = page.start(file());
  await eventually(() => expect(page.state.jobs.map(({ status }) => status)).toEqual(["queued", "queued"]));
  await api.complete(first, "one");
  await api.change(second, { status: "failed", error: { code: "audio_unreadable", message: "No.", retryable: false } });
  await eventually(() =>
    expect(page.state.jobs).toMatchObject([
      { jobId: second, status: "failed", canRetry: false },
      { jobId: first, text: "one" },
    ]),
  );
  page.dismiss(second);
  expect(page.state.jobs).toHaveLength(1);
});

describe("without Convex", () => {
  test("where an app has none, the API is asked", async () => {
    open({ convex: null });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await api.complete(jobId, "asked");
    await until((job) => job.text === "asked");
    expect(page.state.connection).toBe("polling");
    const asked = asks();
    await new Promise((later) => setTimeout(later, 900));
    expect(asks()).toBeLessThanOrEqual(asked + 1); // that one was on its way
  });

  test("a request that gets no answer is not followed by another one", async () => {
    open({ convex: null, pollMs: 50, liveText: false });
    page.start(file());
    await until((job) => job.status === "queued");
    api.intercept = (request) => request.method === "GET"; // never answers
    await eventually(() => expect(asks()).toBeGreaterThan(0));
    const asked = asks();
    await new Promise((later) => setTimeout(later, 500));
    expect(asks()).toBeLessThanOrEqual(asked + 1); // the one before may have been answered just then
  });

  test("while it is away, the API is asked, and not once it is back", async () => {
    open({ liveText: false });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    expect(asks()).toBe(0);
    takeConvexAway();
    api.convexSiteUrl = null;
    await api.change(jobId, { status: "processing", progress: 30 });
    await until((job) => job.progress === 30);
    expect(page.state.connection).toBe("polling");
    convex.faults.clear();
    await eventually(() => expect(page.state.connection).toBe("live"));
    expect(onlyJob().progress).toBe(30); // Convex is behind; nothing is taken back
    const asked = asks();
    await new Promise((later) => setTimeout(later, 700));
    expect(asks()).toBe(asked);
    api.convexSiteUrl = convex.siteUrl;
    await api.complete(jobId, "back");
    await until((job) => job.text === "back");
  });

  test("a job begun while it was away gets its row when it is back, though it has ended meanwhile", async () => {
    const jobId = await beginWhileConvexIsAway();
    await api.complete(jobId, "done before its row");
    await until((job) => job.text === "done before its row");
    convex.faults.clear();
    await eventually(async () => expect(await row()).toMatchObject({ jobId }));
    api.convexSiteUrl = convex.siteUrl;
    expect(await api.pushToConvex(jobId)).toBe(200);
    expect(await row()).toMatchObject({ status: "completed" });
    expect(await convex.backend.table("transcriptionResults")).toMatchObject([
      { jobId, resultJson: '{"text":"done before its row"}' },
    ]);
    expect(onlyJob()).toMatchObject({ status: "completed", text: "done before its row" });
  });

  test("functions that are not deployed are as good as none", async () => {
    const none = anyApi.none! as unknown as typeof functions.jobs;
    open({ convex: linkConvex(client, none) });
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await api.complete(jobId, "still there");
    await until((job) => job.text === "still there");
  });
});

describe("cancelling", () => {
  test("shows at once, and ends as the API says", async () => {
    open();
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    const cancelled = page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ cancelling: true, canCancel: false });
    await cancelled;
    await until((job) => job.status === "cancelled" && !job.cancelling && job.canRetry);
    await eventually(async () => expect(await row()).toMatchObject({ status: "cancelled" }));
  });

  test("in the moment the API completes: page, row and API agree", async () => {
    open();
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await Promise.all([page.cancel(jobId), api.complete(jobId, "too late")]);
    const { status } = api.jobs.get(jobId)!;
    await until((job) => job.status === status && !job.cancelling);
    await eventually(async () => expect(await row()).toMatchObject({ status }));
    expect(await row()).not.toHaveProperty("cancelRequestedAt");
  });

  test("before the API has heard of the job: it is told all the same", async () => {
    open();
    let release = () => {};
    const held = new Promise<void>((go) => {
      release = go;
    });
    api.intercept = (request, response) => {
      if (request.url !== "/transcribe-job") return false;
      void held.then(() => {
        api.intercept = null;
        response
          .writeHead(503, { "content-type": "application/json" })
          .end('{"error":{"code":"busy","message":"x","retryAfter":0}}');
      });
      return true;
    };
    const jobId = page.start(file());
    await eventually(() => expect(api.requests).toContain("POST /transcribe-job"));
    const cancelled = page.cancel(jobId);
    release();
    await cancelled;
    await until((job) => job.status === "cancelled");
    await eventually(async () => expect(await row()).toMatchObject({ status: "cancelled", presumed: true }));
  });

  test("of a job that the API has never accepted needs no API", async () => {
    open({ convex: null });
    api.intercept = (request) => (request.socket.destroy(), true);
    const jobId = page.start(file());
    await eventually(() => expect(api.requests).toContain("POST /transcribe-job"));
    await page.cancel(jobId);
    expect(onlyJob()).toMatchObject({ status: "cancelled", problem: null });
  }, 30_000);

  test("that cannot reach the API stays asked for in the row", async () => {
    open();
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    api.intercept = (request) => request.method === "DELETE" && (request.socket.destroy(), true);
    void page.cancel(jobId);
    await eventually(async () => expect(await row()).toHaveProperty("cancelRequestedAt"));
    api.intercept = null;
    await until((job) => job.status === "cancelled");
  });
});

describe("trying again", () => {
  test("a failed job runs again, from the start, with the same audio", async () => {
    open();
    const jobId = page.start(file());
    await until((job) => job.status === "queued");
    await api.change(jobId, {
      status: "failed",
      progress: 60,
      error: { code: "engine_timeout", message: "It took too long.", retryable: true },
    });
    await until((job) => job.status === "failed" && job.canRetry && job.error?.code === "engine_timeout");
    await page.retry(jobId);
    await until((job) => job.status === "queued" && job.run === 2 && job.progress === 0 && job.error === null);
    await api.complete(jobId, "second time");
    await until((job) => job.text === "second time");
    expect(await row()).toMatchObject({ status: "completed", run: 2 });
  });

  test("an upload whose answer was lost is not sent twice", async () => {
    open();
    api.intercept = (request, response) => {
      if (!request.url!.endsWith("/audio")) return false;
      api.intercept = null;
      const jobId = request.url!.split("/")[2]!;
      request.resume().on("end", () => void api.change(jobId, { status: "queued" }).then(() => response.destroy()));
      return true;
    };
    page.start(file());
    await until((job) => job.status === "queued" && job.uploaded === null);
    expect(requests(/audio$/)).toBe(1);
  });

  test("an upload that was cut is sent again by itself", async () => {
    open();
    api.intercept = (request) =>
      request.url!.endsWith("/audio") && ((api.intercept = null), request.socket.destroy(), true);
    const jobId = page.start(file(500));
    await until((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(500);
  });

  test("an upload that is refused says why, in the API's words, and is not tried again", async () => {
    open();
    api.intercept = (request, response) => {
      if (!request.url!.endsWith("/audio")) return false;
      request
        .resume()
        .on("end", () =>
          response
            .writeHead(413, { "content-type": "application/json" })
            .end('{"error":{"code":"upload_too_large","message":"Too large.","hint":"Cut it."}}'),
        );
      return true;
    };
    page.start(file());
    await until((job) => job.problem?.code === "upload_too_large");
    expect(onlyJob()).toMatchObject({
      problem: { message: "Too large.", hint: "Cut it.", retryable: false },
      canRetry: false,
      uploaded: null,
    });
    expect(requests(/audio$/)).toBe(1);
  });

  test("an API that is away shows as a problem; retry sends the file that the page still has", async () => {
    open();
    api.intercept = (_, response) => (
      response
        .writeHead(503, { "content-type": "application/json" })
        .end('{"error":{"code":"busy","message":"Full.","retryAfter":0}}'),
      true
    );
    const jobId = page.start(file());
    await until((job) => job.problem?.code === "busy" && job.problem.retryable && !job.needsFile);
    api.intercept = null;
    await page.retry(jobId);
    await until((job) => job.status === "queued" && job.problem === null);
  });

  test("a page that was closed while sending asks for the file, and goes on with the same job", async () => {
    open();
    api.intercept = (request) => request.url!.endsWith("/audio"); // never answers
    const jobId = page.start(file());
    await eventually(() => expect(requests(/audio$/)).toBe(1));
    leave();
    api.intercept = null;
    const kept = JSON.parse(localStorage.getItem("escriba:jobs")!);
    localStorage.setItem("escriba:jobs", JSON.stringify(kept.map((job: object) => ({ ...job, sendingAt: 0 }))));
    open();
    await until((job) => job.needsFile && job.status === "pending");
    page.provide(jobId, file(77));
    await until((job) => job.status === "queued" && !job.needsFile);
    expect(api.audio.get(jobId)).toBe(77);
  });
});

test("a job that the API no longer knows has failed, where there is no Convex to say so", async () => {
  open({ convex: null });
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  api.jobs.delete(jobId);
  api.closeSockets();
  await until((job) => job.status === "failed" && job.error?.code === "job_not_found");
});

test("removing deletes everywhere", async () => {
  open();
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await page.remove(jobId);
  expect(page.state.jobs).toEqual([]);
  expect(api.requests).toContain(`DELETE /job/${jobId}`);
  await eventually(async () => expect(await row()).toBeUndefined());
  expect(localStorage.getItem("escriba:jobs")).toBe("[]");
});

test("a job dismissed while it is sent does not come back", async () => {
  open();
  const jobId = page.start(file());
  page.dismiss(jobId);
  await eventually(() => expect(api.jobs.get(jobId)?.status).toBe("queued"));
  await new Promise((later) => setTimeout(later, 100));
  expect([page.state.jobs, localStorage.getItem("escriba:jobs")]).toEqual([[], "[]"]);
});

test("a transcript too large for a row is fetched from its file", async () => {
  open();
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await api.complete(jobId, "y".repeat(300_000));
  await until((job) => job.text.length === 300_000);
  expect(asks()).toBe(0);
});

test.each([
  ["refuses it", 500, { text: "Internal error" }],
  ["has it no more", 404, { code: "FileNotFound" }],
  ["gives something else", 200, { code: "hotel portal" }],
])("where the file storage %s, the transcript is asked of the API", async (_, status, body) => {
  open();
  const { fetch } = globalThis;
  vi.stubGlobal("fetch", (url: string | URL, init?: RequestInit) =>
    String(url).includes("/api/storage/") ? Promise.resolve(Response.json(body, { status })) : fetch(url, init),
  );
  onTestFinished(() => void vi.stubGlobal("fetch", fetch));
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await api.complete(jobId, "y".repeat(300_000));
  await until((job) => job.text.length === 300_000, 3_000);
});

test("live text goes on after the socket was cut, and misses nothing", async () => {
  open();
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  await api.addPiece(jobId, { index: 0, start: 0, end: 1, text: "uno" }, { status: "processing" });
  await until((job) => job.text === "uno");
  api.closeSockets();
  await api.addPiece(jobId, { index: 1, start: 1, end: 2, text: "dos" });
  await until((job) => job.text === "uno dos");
});

test("the plain client: errors in the API's words, and waiting for the end", async () => {
  const plain = createClient(api.url);
  const missing = await plain.getJob(crypto.randomUUID()).catch((error: unknown) => error);
  expect(missing).toBeInstanceOf(ApiError);
  expect(missing).toMatchObject({ status: 404, code: "job_not_found", isJobGone: true, isRetryable: false });
  await expect(createClient("http://127.0.0.1:9").getJob("x")).rejects.toMatchObject({
    status: 0,
    code: "unreachable",
    isRetryable: true,
  });
  const jobId = crypto.randomUUID();
  const { upload } = await plain.createJob({ jobId });
  await plain.upload(upload!, file(), () => {}, new AbortController().signal);
  api.convexSiteUrl = null;
  await api.complete(jobId, "plain");
  expect((await plain.waitForEnd(jobId)).result).toEqual({ text: "plain" });
});

describe("the plain client gives up a request", () => {
  const impatient = () => createClient(api.url, { timeoutMs: 100 });

  test.each<[string, typeof api.intercept]>([
    ["that is not answered", () => true],
    [
      "whose answer stops halfway",
      (_, response) => (response.writeHead(200, { "content-length": "99" }).write("{"), true),
    ],
  ])("%s", async (_, intercept) => {
    api.intercept = intercept;
    await expect(impatient().getJob(crypto.randomUUID())).rejects.toMatchObject({
      ...{ status: 0, code: "timeout", isRetryable: true },
    });
  });

  test("and says so in the reader's language", async () => {
    api.intercept = () => true;
    const plain = createClient(api.url, { timeoutMs: 100, language: "es" });
    await expect(plain.getJob("x")).rejects.toThrow("El servicio no respondió a tiempo.");
  });

  test("with the caller's own reason where the caller gave it up", async () => {
    api.intercept = () => true;
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(createClient(api.url).getJob("x", controller.signal)).rejects.toThrow("enough");
  });
});

describe("more recordings than are sent at once", () => {
  /** Lets no audio through before it is told to. */
  const holdAudio = () => {
    const held: Array<() => void> = [];
    let isOpen = false;
    api.intercept = (request, response) => {
      if (isOpen || !request.url!.endsWith("/audio")) return false;
      const jobId = request.url!.split("/")[2]!;
      request.resume();
      held.push(() => void api.change(jobId, { status: "queued" }).then(() => response.writeHead(204).end()));
      return true;
    };
    return () => ((isOpen = true), held.splice(0).forEach((go) => go()));
  };
  const waiting = () => page.state.jobs.filter((job) => job.waitsToBeSent).length;

  test("wait for their turn, and all arrive", async () => {
    open();
    const letGo = holdAudio();
    for (let i = 0; i < 8; i += 1) page.start(file());
    await eventually(() => expect([requests(/audio$/), waiting()]).toEqual([3, 5]));
    expect(page.state.jobs.find((job) => job.waitsToBeSent)).toMatchObject({ status: "pending", uploaded: null });
    expect(requests(/transcribe-job$/)).toBe(3); // a ticket lasts only so long
    letGo();
    await eventually(() => expect(page.state.jobs.map(({ status }) => status)).toEqual(Array(8).fill("queued")));
    expect(waiting()).toBe(0);
  });

  test("can be cancelled while they wait, and are never sent then", async () => {
    open();
    const letGo = holdAudio();
    for (let i = 0; i < 3; i += 1) page.start(file());
    const unwanted = page.start(file());
    const status = () => page.state.jobs.find(({ jobId }) => jobId === unwanted)!;
    await eventually(() => expect(requests(/audio$/)).toBe(3));
    await page.cancel(unwanted);
    expect(status()).toMatchObject({ status: "cancelled", waitsToBeSent: false });
    letGo();
    await eventually(() => expect(page.state.jobs.filter((job) => job.status === "queued")).toHaveLength(3));
    expect(api.jobs.has(unwanted)).toBe(false);
  });

  test("are asked for by a page that was closed before their turn", async () => {
    open();
    holdAudio();
    for (let i = 0; i < 3; i += 1) page.start(file());
    const last = page.start(file());
    leave();
    const kept = JSON.parse(localStorage.getItem("escriba:jobs")!);
    localStorage.setItem("escriba:jobs", JSON.stringify(kept.map((job: object) => ({ ...job, sendingAt: 0 }))));
    open();
    expect(page.state.jobs.find(({ jobId }) => jobId === last)).toMatchObject({ needsFile: true });
  });
});

test("a page without HTTPS makes jobs, too", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto), subtle: crypto.subtle });
  onTestFinished(() => void vi.stubGlobal("crypto", webcrypto));
  open();
  expect(page.start(file())).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  await until((job) => job.status === "queued");
});

describe("in the reader's language", () => {
  test("the API is asked, and what this library says itself is said", async () => {
    open({ language: "es" });
    const asked: unknown[] = [];
    api.intercept = (request, response) => {
      if (request.url !== "/transcribe-job") return false;
      asked.push(request.headers["accept-language"]);
      response.writeHead(418).end("a teapot");
      return true;
    };
    page.start(file());
    await until((job) => job.problem?.message === "El servicio respondió HTTP 418.");
    page.setLanguage("en");
    await page.retry(onlyJob().jobId);
    await until((job) => job.problem?.message === "The service answered HTTP 418.");
    expect(asked).toEqual(["es", "en"]);
  });

  test("so is what a lost connection is", async () => {
    const plain = createClient("http://127.0.0.1:9", { language: "es-MX" });
    await expect(plain.getJob("x")).rejects.toThrow("No se puede llegar al servicio.");
    await expect(
      plain.upload({ url: "http://127.0.0.1:9", fields: {} }, file(), () => {}, new AbortController().signal),
    ).rejects.toThrow("No se pudo enviar el audio");
  });
});

test("a text that nobody keeps any more is said to be gone", async () => {
  open({ convex: null });
  const jobId = page.start(file());
  await until((job) => job.status === "queued");
  api.convexSiteUrl = null;
  await api.change(jobId, { status: "completed", completedAt: new Date().toISOString() });
  await until((job) => job.status === "completed" && job.textIsGone);
});
