/** The page in Chromium, with both versions of React, against a real local Convex and an API on a socket. */
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Environment, choose, recording, shows, startEnvironment } from "./environment";

let world: Environment;
const end = { timeout: 10_000 };
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

describe.each([19, 18])("with React %i", (react) => {
  beforeAll(async () => {
    world = await startEnvironment({ react });
  });
  afterAll(() => world.close());
  afterEach(async () => {
    world.convex.faults.clear();
    world.api.convexSiteUrl = world.convex.siteUrl;
    await Promise.all(world.browser.contexts().map((context) => context.close()));
  });

  test("it is that React", async () => {
    const assets = path.join(world.site.folder, "assets");
    const script = (await readdir(assets)).find((name) => name.endsWith(".js"))!;
    const code = await readFile(path.join(assets, script), "utf8");
    expect([code.includes("18.3.1"), code.includes("19.3.1")]).toEqual([react === 18, react === 19]);
  });

  test("from the file to the transcript, through a reload, and nothing goes backwards", async () => {
    const { api } = world;
    const page = await world.person();
    const slow = await page.context().newCDPSession(page);
    await slow.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: 600_000,
    });
    const job = await choose(page, { size: 3_000_000 });
    await recording(page).getByText("UploadTask the audio").waitFor();
    await shows(page, "talk.wav", "queued");
    await slow.send("Network.emulateNetworkConditions", {
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

  test("cancel, and try again", async () => {
    const page = await world.person();
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await recording(page).getByRole("button", { name: "Cancel" }).click();
    await shows(page, "talk.wav", "cancelled");
    expect(await focused(page)).toBe("talk.wav"); // the button has gone
    await recording(page).getByRole("button", { name: "Try again" }).click();
    await shows(page, "talk.wav", "queued");
    await world.api.complete(job, "At last.");
    await recording(page).getByText("At last.").waitFor();
    await recording(page).getByRole("button", { name: "Delete" }).click();
    await page.getByText("Nothing here yet.").waitFor();
    expect(await focused(page)).toBe("Your recordings");
    expect(await world.convex.backend.table("transcriptionJobs")).not.toContainEqual(
      expect.objectContaining({ jobId: job }),
    );
  });

  test("Convex goes away and comes back: the API is asked meanwhile, and not afterwards", async () => {
    const { api, convex } = world;
    const page = await world.person();
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await page.getByText("Connected: changes appear by themselves").waitFor();
    convex.faults.add({ status: "away", seconds: 6 });
    convex.dropConnections();
    api.convexSiteUrl = null;
    api.closeSockets();
    await page.getByText("looking every few seconds").waitFor();
    await expect.poll(() => api.requests.includes(`GET /job/${job}`), end).toBe(true);
    await api.complete(job, "While Convex was away.");
    await recording(page).getByText("While Convex was away.").waitFor();
    await page.getByText("Connected: changes appear by themselves").waitFor();
    await shows(page, "talk.wav", "completed");
    // The API's relay delivers late; what is shown does not change.
    api.convexSiteUrl = convex.siteUrl;
    expect(await api.pushToConvex(job)).toBe(200);
    expect(await page.evaluate(() => window.paints.at(-1)!)).toMatchObject({
      status: "completed",
      text: "While Convex was away.",
    });
  });

  test("two tabs of one browser show the same", async () => {
    const page = await world.person();
    const other = await page.context().newPage();
    await other.goto(world.site.url);
    const job = await choose(page);
    await shows(other, "talk.wav", "queued");
    await recording(other).getByRole("button", { name: "Cancel" }).click();
    await Promise.all([shows(page, "talk.wav", "cancelled"), shows(other, "talk.wav", "cancelled")]);
    expect(world.api.jobs.get(job)!.status).toBe("cancelled");
  });
});

describe("the page", () => {
  beforeAll(async () => {
    world = await startEnvironment({ withConvex: false });
  });
  afterAll(() => world.close());
  afterEach(() => Promise.all(world.browser.contexts().map((context) => context.close())));

  test("works without Convex", async () => {
    const page = await world.person();
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await world.api.complete(job, "Asked for.");
    await recording(page).getByText("Asked for.").waitFor();
  });

  test("that was closed while it sent asks for the file, and goes on with the same job", async () => {
    const page = await world.person();
    world.api.intercept = (request) => request.url!.endsWith("/audio"); // takes it in, and never answers
    const job = await choose(page);
    await expect.poll(() => world.api.requests.includes(`POST /job/${job}/audio`), end).toBe(true);
    await page.reload();
    world.api.intercept = null;
    await recording(page).getByText("The audio did not arrive whole.").waitFor();
    await recording(page)
      .getByLabel("Choose it again")
      .setInputFiles({ name: "talk.wav", mimeType: "audio/wav", buffer: Buffer.alloc(50) });
    await shows(page, "talk.wav", "queued");
    expect(world.api.audio.get(job)).toBe(50);
  });

  test("tells why a recording failed, in the reader's language, and announces it", async () => {
    const page = await world.person({ locale: "es-ES" });
    const job = await choose(page, { label: "Elegir grabaciones" });
    await shows(page, "talk.wav", "queued");
    const error = { code: "audio_track_missing", message: "The file has no audio track.", retryable: false };
    await world.api.change(job, { status: "failed", error });
    await recording(page).getByRole("alert").getByText("Este archivo no tiene sonido.").waitFor();
  });

  test("says that a text has been deleted", async () => {
    const page = await world.person();
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await world.api.change(job, { status: "completed", completedAt: new Date().toISOString() });
    await recording(page).getByText("Its text has been deleted.").waitFor();
  });

  test("works without HTTPS on a home network, without what browsers keep for HTTPS", async () => {
    const page = await world.person({}, () => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
      Object.defineProperty(crypto, "randomUUID", { value: undefined });
    });
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await world.api.complete(job, "At home.");
    await recording(page).getByText("At home.").waitFor();
    expect(await recording(page).getByRole("button", { name: "Copy" }).count()).toBe(0);
  });

  test("says so when there is no network, and goes on when it is back", async () => {
    const page = await world.person();
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    await page.context().setOffline(true);
    await page.getByText("No network").waitFor();
    world.api.closeSockets();
    await world.api.complete(job, "Back again.");
    await page.context().setOffline(false);
    await recording(page).getByText("Back again.").waitFor();
  });

  test("speaks the reader's language, and the other at a click", async () => {
    const page = await world.person({ locale: "es-ES" });
    await page.getByRole("heading", { name: "Grabaciones a texto" }).waitFor();
    expect(await page.getAttribute("html", "lang")).toBe("es");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Recordings to text" }).waitFor();
    expect(await page.getAttribute("html", "lang")).toBe("en");
  });
});
