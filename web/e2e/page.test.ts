/** The page in Chromium, with both versions of React, against a local Convex and a stand-in for the API. */
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Environment, chooseFile, recording, shows, startEnvironment } from "./environment";

let environment: Environment;
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

describe.each([19, 18])("with React %i", (react) => {
  beforeAll(async () => {
    environment = await startEnvironment({ react });
  });
  afterAll(() => environment.close());
  afterEach(async () => {
    environment.convex.faults.clear();
    environment.api.convexSiteUrl = environment.convex.siteUrl;
    await Promise.all(environment.browser.contexts().map((context) => context.close()));
  });

  test("the page is built with this React", async () => {
    const assets = path.join(environment.site.folder, "assets");
    const script = (await readdir(assets)).find((name) => name.endsWith(".js"))!;
    const code = await readFile(path.join(assets, script), "utf8");
    expect([code.includes("18.3.1"), code.includes("19.3.1")]).toEqual([react === 18, react === 19]);
  });

  test("a job goes from its file to its transcript through a reload, and its progress never falls", async () => {
    const { api } = environment;
    const page = await environment.openPage();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: 600_000,
    });
    const job = await chooseFile(page, { size: 3_000_000 });
    await recording(page).getByText("Sending the audio").waitFor();
    await shows(page, "talk.wav", "queued");
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
    expect(api.audio.get(job)).toBe(3_000_000);
    const sent = await page.evaluate(() =>
      window.paints
        .filter(({ status, progress }) => status === "pending" && progress >= 0)
        .map(({ progress }) => progress),
    );
    expect(sent.some((percent) => percent > 0 && percent < 100)).toBe(true);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));

    await api.change(job, { status: "processing", stage: "transcribe", progress: 30, chunks: { done: 1, total: 3 } });
    await recording(page).getByText("Transcribing · 1 of 3 parts").waitFor();
    await api.addPiece(job, { index: 0, start: 0, end: 9, text: "Good morning" }, { progress: 60 });
    await recording(page).getByText("Good morning").waitFor();
    await page.reload();
    await recording(page).getByText("60 %").waitFor();
    await recording(page).getByText("Good morning").waitFor();
    await api.change(job, { status: "waiting", waitingUntil: new Date(Date.now() + 60_000).toISOString() });
    await recording(page).getByText("Paused, goes on by itself at").waitFor();
    await api.change(job, { status: "processing", progress: 80 });
    await api.complete(job, "Good morning, everyone.");
    await recording(page).getByText("Good morning, everyone.").waitFor();
    await recording(page).getByText("Done").waitFor();
    const progress = await page.evaluate(() =>
      window.paints.map(({ progress }) => progress).filter((percent) => percent >= 0),
    );
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(api.requests.filter((request) => request === `GET /job/${job}`)).toEqual([]);
  });

  test("a cancelled job can be retried and deleted, and the focus stays at the recording", async () => {
    const page = await environment.openPage();
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await recording(page).getByRole("button", { name: "Cancel" }).click();
    await shows(page, "talk.wav", "cancelled");
    await expect.poll(() => focused(page)).toBe("talk.wav"); // the button has disappeared
    await recording(page).getByRole("button", { name: "Try again" }).click();
    await shows(page, "talk.wav", "queued");
    await environment.api.complete(job, "At last.");
    await recording(page).getByText("At last.").waitFor();
    await recording(page).getByRole("button", { name: "Delete" }).click();
    await page.getByText("Nothing here yet.").waitFor();
    await expect.poll(() => focused(page)).toBe("Your recordings");
    const rows = () => environment.convex.backend.table("escriba/jobs");
    await expect.poll(rows).not.toContainEqual(expect.objectContaining({ jobId: job }));
  });

  if (react === 19) testBesideReact();
});

/** What Convex, the API and the browser do is the same with every React. */
function testBesideReact(): void {
  test("a signed-in user sees a recording from another browser, and nobody else does", async () => {
    const signIn = async (page: Page, name: string) => {
      await page.getByLabel("Your name").fill(name);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText(name).waitFor();
      return page;
    };
    const first = await signIn(await environment.openPage(), "ana");
    const job = await chooseFile(first);
    await shows(first, "talk.wav", "queued");
    const second = await signIn(await environment.openPage(), "ana");
    await second.getByText("talk.wav: In the queue").waitFor();
    await environment.api.complete(job, "Seen by ana.");
    await second.getByText("talk.wav: Done").waitFor();
    await first.getByText("Seen by ana.").waitFor();
    const rows = await environment.convex.backend.table("escriba/jobs");
    expect(rows.find(({ jobId }) => jobId === job).owner).toMatch(/^user:http:.*\|ana$/);
    const other = await signIn(await environment.openPage(), "eve");
    await chooseFile(other, { name: "hers.wav" });
    await shows(other, "hers.wav", "queued");
    expect(await other.getByText("talk.wav").count()).toBe(0);
  });

  test("the page polls the API while Convex is away, and shows the same when Convex is back", async () => {
    const { api, convex } = environment;
    const page = await environment.openPage();
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await page.getByText("Connected: changes appear by themselves").waitFor();
    convex.faults.add({ status: "away", seconds: 6 });
    convex.dropConnections();
    api.convexSiteUrl = null;
    api.closeSockets();
    await page.getByText("looking every few seconds").waitFor();
    await expect.poll(() => api.requests.includes(`GET /job/${job}`)).toBe(true);
    await api.complete(job, "While Convex was away.");
    await recording(page).getByText("While Convex was away.").waitFor();
    await page.getByText("Connected: changes appear by themselves").waitFor();
    await shows(page, "talk.wav", "completed");
    // The API pushes the job late; the page shows no change.
    api.convexSiteUrl = convex.siteUrl;
    expect(await api.pushToConvex(job)).toBe(200);
    const last = { status: "completed", text: "While Convex was away." };
    await expect.poll(() => page.evaluate(() => window.paints.at(-1)!)).toMatchObject(last);
  });

  test("two tabs of one browser show the same jobs", async () => {
    const page = await environment.openPage();
    const other = await page.context().newPage();
    await other.goto(environment.site.url);
    const job = await chooseFile(page);
    await shows(other, "talk.wav", "queued");
    await recording(other).getByRole("button", { name: "Cancel" }).click();
    await Promise.all([shows(page, "talk.wav", "cancelled"), shows(other, "talk.wav", "cancelled")]);
    expect(environment.api.jobs.get(job)!.status).toBe("cancelled");
  });
}

describe("the page", () => {
  beforeAll(async () => {
    environment = await startEnvironment({ withConvex: false });
  });
  afterAll(() => environment.close());
  afterEach(async () => {
    environment.api.intercept = null;
    await Promise.all(environment.browser.contexts().map((context) => context.close()));
  });

  test("works without Convex", async () => {
    const page = await environment.openPage();
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await environment.api.complete(job, "Polled.");
    await recording(page).getByText("Polled.").waitFor();
  });

  test("asks for the file after it was closed while it uploaded, and continues the same job", async () => {
    const page = await environment.openPage();
    environment.api.intercept = (request) => request.url!.endsWith("/audio"); // never answers
    const job = await chooseFile(page);
    await expect.poll(() => environment.api.requests.includes(`POST /job/${job}/audio`)).toBe(true);
    await page.reload();
    environment.api.intercept = null;
    await recording(page).getByText("The audio did not arrive whole.").waitFor();
    await recording(page)
      .getByLabel("Choose it again")
      .setInputFiles({ name: "talk.wav", mimeType: "audio/wav", buffer: Buffer.alloc(50) });
    await shows(page, "talk.wav", "queued");
    expect(environment.api.audio.get(job)).toBe(50);
  });

  test("uploads the audio again after two minutes without progress and without an answer", async () => {
    const { api } = environment;
    const page = await environment.openPage();
    await page.clock.install();
    await page.reload();
    api.intercept = (request) => request.url!.endsWith("/audio"); // never answers
    const job = await chooseFile(page, { size: 70 });
    const uploads = () => api.requests.filter((request) => request === `POST /job/${job}/audio`).length;
    await expect.poll(uploads).toBe(1);
    api.intercept = null;
    await page.clock.fastForward("01:50");
    expect(uploads()).toBe(1);
    // On a busy machine the page may hear of its first bytes only now, and count from there.
    const passTwentySeconds = () => page.clock.fastForward("00:20").then(uploads);
    await expect.poll(passTwentySeconds, { interval: 1_000 }).toBe(2);
    await shows(page, "talk.wav", "queued");
    expect([uploads(), api.audio.get(job)]).toEqual([2, 70]);
  });

  test("shows in an alert why a recording failed, in the language of the page", async () => {
    const page = await environment.openPage({ locale: "es-ES" });
    const job = await chooseFile(page, { label: "Elegir grabaciones" });
    await shows(page, "talk.wav", "queued");
    const error = { code: "audio_track_missing", message: "The file has no audio track.", retryable: false };
    await environment.api.change(job, { status: "failed", error });
    await recording(page).getByRole("alert").getByText("Este archivo no tiene sonido.").waitFor();
  });

  test("shows that a text has been deleted", async () => {
    const page = await environment.openPage();
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await environment.api.change(job, { status: "completed", completedAt: new Date().toISOString() });
    await recording(page).getByText("Its text has been deleted.").waitFor();
  });

  test("works without HTTPS, where browsers have no clipboard and no crypto.randomUUID", async () => {
    const page = await environment.openPage({}, () => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
      Object.defineProperty(crypto, "randomUUID", { value: undefined });
    });
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await environment.api.complete(job, "Without HTTPS.");
    await recording(page).getByText("Without HTTPS.").waitFor();
    expect(await recording(page).getByRole("button", { name: "Copy" }).count()).toBe(0);
  });

  test("shows that there is no network, and continues when there is one again", async () => {
    const page = await environment.openPage();
    const job = await chooseFile(page);
    await shows(page, "talk.wav", "queued");
    await page.context().setOffline(true);
    await page.getByText("No network").waitFor();
    environment.api.closeSockets();
    await environment.api.complete(job, "Back again.");
    await page.context().setOffline(false);
    await recording(page).getByText("Back again.").waitFor();
  });

  test("is in the language of the browser, and in the other one after a click", async () => {
    const page = await environment.openPage({ locale: "es-ES" });
    await page.getByRole("heading", { name: "Grabaciones a texto" }).waitFor();
    await expect.poll(() => page.getAttribute("html", "lang")).toBe("es");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Recordings to text" }).waitFor();
    await expect.poll(() => page.getAttribute("html", "lang")).toBe("en");
  });
});
