/** The jobs of one browser, from their files to their transcripts. */
import { webcrypto } from "node:crypto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../../test/eventually";
import {
  LONG_GRACE,
  api,
  audioFile,
  closePage,
  closePageWhileUploading,
  countPolls,
  countRequests,
  onlyJob,
  openPage,
  page,
  readRow,
  startJob,
  untilJob,
  useConvexClient,
} from "../../test/page";

describe.each(["ConvexReactClient", "ConvexClient"])("with %s", (kind) => {
  test("a job goes from its file to its transcript without a request for its status", async () => {
    if (kind === "ConvexClient") await useConvexClient();
    openPage(LONG_GRACE);
    const jobId = page.start(audioFile(1000), { language: "es" });
    expect(onlyJob()).toMatchObject({ jobId, filename: "a.wav", sizeBytes: 1000, status: "pending", uploaded: 0 });
    await untilJob((job) => job.status === "queued");
    expect(api.audio.get(jobId)).toBe(1000);
    await api.change(jobId, { status: "processing", progress: 40, chunks: { done: 1, total: 2 } });
    await untilJob((job) => job.progress === 40);
    await api.addPiece(jobId, { index: 0, start: 0, end: 5, text: " Hola a " });
    await api.addPiece(jobId, { index: 1, start: 5, end: 9, text: "todos." });
    await untilJob((job) => job.text === "Hola a todos.");
    await api.complete(jobId, "Hola a todos.");
    await untilJob((job) => job.result !== null);
    expect(onlyJob()).toMatchObject({
      ...{ status: "completed", progress: 100, text: "Hola a todos.", canCancel: false, problem: null, uploaded: null },
    });
    expect(page.state.connection).toBe("live");
    expect(countPolls()).toBe(0);
  });
});

test("a job is stored before anything can fail, and the page shows it after a reload", async () => {
  openPage(LONG_GRACE);
  const jobId = page.start(audioFile());
  expect(localStorage.getItem("escriba:jobs")).toContain(jobId);
  await untilJob((job) => job.status === "queued");
  closePage();
  await api.complete(jobId, "while the page was closed");
  openPage(LONG_GRACE);
  expect(onlyJob().jobId).toBe(jobId);
  await untilJob((job) => job.text === "while the page was closed");
  expect(countPolls()).toBe(0);
});

describe("the list of jobs", () => {
  async function startTwo(): Promise<[string, string]> {
    openPage();
    const first = page.start(audioFile());
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = page.start(audioFile());
    await eventually(() => expect(page.state.jobs.map(({ status }) => status)).toEqual(["queued", "queued"]));
    return [first, second];
  }

  test("holds the newest job first, each with its own status", async () => {
    const [first, second] = await startTwo();
    await api.complete(first, "one");
    const error = { code: "audio_unreadable", message: "No.", retryable: false };
    await api.change(second, { status: "failed", error });
    await eventually(() =>
      expect(page.state.jobs).toMatchObject([
        { jobId: second, status: "failed", canRetry: false },
        { jobId: first, text: "one" },
      ]),
    );
    page.dismiss(second);
    expect(page.state.jobs).toHaveLength(1);
  });

  test("keeps its order when the clock of the API differs", async () => {
    const [first, second] = await startTwo();
    await api.change(first, { createdAt: new Date(Date.now() + 60_000).toISOString(), progress: 5 });
    await eventually(() => expect(page.state.jobs.some(({ progress }) => progress === 5)).toBe(true));
    expect(page.state.jobs.map(({ jobId }) => jobId)).toEqual([second, first]);
  });

  test("loses a removed job, which is deleted everywhere", async () => {
    openPage();
    const jobId = await startJob();
    await page.remove(jobId);
    expect(page.state.jobs).toEqual([]);
    expect(api.requests).toContain(`DELETE /job/${jobId}`);
    await eventually(async () => expect(await readRow()).toBeUndefined());
    expect(localStorage.getItem("escriba:jobs")).toBe("[]");
  });

  test("does not get back a job that was dismissed while it was uploaded", async () => {
    openPage();
    const jobId = page.start(audioFile());
    page.dismiss(jobId);
    await eventually(() => expect(api.jobs.get(jobId)?.status).toBe("queued"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([page.state.jobs, localStorage.getItem("escriba:jobs")]).toEqual([[], "[]"]);
  });
});

describe("of more recordings than upload slots", () => {
  /** Keeps every upload from ending until the returned function is called. */
  const holdUploads = () => {
    const held: Array<() => void> = [];
    let isReleased = false;
    api.intercept = (request, response) => {
      if (isReleased || !request.url!.endsWith("/audio")) return false;
      const jobId = request.url!.split("/")[2]!;
      request.resume();
      held.push(() => void api.change(jobId, { status: "queued" }).then(() => response.writeHead(204).end()));
      return true;
    };
    return () => ((isReleased = true), held.splice(0).forEach((release) => release()));
  };
  const countWaiting = () => page.state.jobs.filter((job) => job.waitsToBeSent).length;
  const startThree = () => [1, 2, 3].forEach(() => page.start(audioFile()));
  const jobOf = (id: string) => page.state.jobs.find(({ jobId }) => jobId === id)!;

  test("three are uploaded at once, and in the end all of them", async () => {
    openPage();
    const release = holdUploads();
    for (let i = 0; i < 8; i += 1) page.start(audioFile());
    await eventually(() => expect([countRequests(/audio$/), countWaiting()]).toEqual([3, 5]));
    expect(page.state.jobs.find((job) => job.waitsToBeSent)).toMatchObject({ status: "pending", uploaded: null });
    expect(countRequests(/transcribe-job$/)).toBe(3); // an upload target expires
    release();
    await eventually(() => expect(page.state.jobs.map(({ status }) => status)).toEqual(Array(8).fill("queued")));
    expect(countWaiting()).toBe(0);
  });

  test("one that is cancelled while it waits is never uploaded", async () => {
    openPage();
    const release = holdUploads();
    startThree();
    const jobId = page.start(audioFile());
    await eventually(() => expect(countRequests(/audio$/)).toBe(3));
    await page.cancel(jobId);
    expect(jobOf(jobId)).toMatchObject({ status: "cancelled", waitsToBeSent: false });
    release();
    await eventually(() => expect(page.state.jobs.filter((job) => job.status === "queued")).toHaveLength(3));
    expect(api.jobs.has(jobId)).toBe(false);
  });

  test("one that waits when the page is closed needs its file again", async () => {
    openPage();
    holdUploads();
    startThree();
    const jobId = page.start(audioFile());
    closePageWhileUploading();
    openPage();
    expect(jobOf(jobId)).toMatchObject({ needsFile: true });
  });
});

test("a page without HTTPS, where crypto.randomUUID is missing, starts jobs", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto), subtle: crypto.subtle });
  onTestFinished(() => void vi.stubGlobal("crypto", webcrypto));
  openPage();
  expect(page.start(audioFile())).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  await untilJob((job) => job.status === "queued");
});

test("requests and error messages are in the language of the page, also after it changes", async () => {
  openPage({ language: "es" });
  const languages: unknown[] = [];
  api.intercept = (request, response) => {
    if (request.url !== "/transcribe-job") return false;
    languages.push(request.headers["accept-language"]);
    response.writeHead(418).end("a teapot");
    return true;
  };
  page.start(audioFile());
  await untilJob((job) => job.problem?.message === "El servicio respondió HTTP 418.");
  page.setLanguage("en");
  await page.retry(onlyJob().jobId);
  await untilJob((job) => job.problem?.message === "The service answered HTTP 418.");
  expect(languages).toEqual(["es", "en"]);
});
