/** The page against the real API process, its engine a stand-in on a socket; skipped where there is no API. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type RealEnvironment, apiIsThere, chooseRecording, startRealEnvironment } from "./real-api";
import { recording, shows } from "./environment";

const FILE = "english-short.wav";
const end = { timeout: 20_000, interval: 20 };

describe.skipIf(!apiIsThere)("with the real API", () => {
  let world: RealEnvironment;
  beforeAll(async () => {
    world = await startRealEnvironment();
  });
  afterAll(() => world.close());
  afterEach(async () => {
    await world.calmEngine();
    await Promise.all(world.browser.contexts().map((context) => context.close()));
  });

  test("from the file to the transcript", async () => {
    const page = await world.person();
    const id = await chooseRecording(page);
    await recording(page, FILE).locator("blockquote", { hasText: "heard" }).waitFor();
    await shows(page, FILE, "completed");
    await agree(id);
  });

  test("cancel while the engine is busy, then try again", async () => {
    await world.engine({ script: [{ hang: true }] });
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, FILE, "processing");
    await recording(page, FILE).getByRole("button", { name: "Cancel" }).click();
    await shows(page, FILE, "cancelled");
    await agree(id);
    await world.calmEngine(); // it may have been cancelled before the engine was asked
    await recording(page, FILE).getByRole("button", { name: "Try again" }).click();
    // A cancelled job's audio is gone from the service; the page still has it, and sends it again.
    await shows(page, FILE, "completed");
    await recording(page, FILE).locator("blockquote", { hasText: "heard" }).waitFor();
    await agree(id);
    expect((await world.row(id)).run).toBe(2);
  });

  test("the next run of a failed job reaches the page, whoever asked for it", async () => {
    await world.engine({ script: [{ status: 401, body: { error: { message: "Invalid API Key" } } }] });
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, FILE, "failed");
    await agree(id);
    expect((await fetch(`${world.apiUrl}/job/${id}/retry`, { method: "POST" })).status).toBe(202);
    await recording(page, FILE).locator("blockquote", { hasText: "heard" }).waitFor();
    await shows(page, FILE, "completed");
    await agree(id);
    expect((await world.row(id)).run).toBe(2);
  });

  test("what is deleted at the API stays readable in the page", async () => {
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, FILE, "completed");
    await agree(id);
    const { seq } = await (await fetch(`${world.apiUrl}/job/${id}`, { method: "DELETE" })).json();
    await expect.poll(async () => (await world.row(id)).seq, end).toBe(seq);
    await page.reload();
    await recording(page, FILE).locator("blockquote", { hasText: "heard" }).waitFor();
    await shows(page, FILE, "completed");
  });

  test("a cancel that races with completion ends in one state", async () => {
    await world.engine({ default: { delay: 0.3 } });
    const page = await world.person();
    const id = await chooseRecording(page);
    await shows(page, FILE, "processing");
    await page.waitForTimeout(300);
    await recording(page, FILE)
      .getByRole("button", { name: "Cancel" })
      .click({ timeout: 1_000 })
      .catch(() => {});
    await expect.poll(async () => (await world.row(id)).status, end).toMatch(/completed|cancelled/);
    const { status } = await world.row(id);
    const told = await fetch(`${world.apiUrl}/job/${id}`);
    // Cancelled a moment after it completed, it is gone from the API: the page keeps what it had.
    if (told.status === 410) expect(status).toBe("completed");
    else await agree(id);
    await shows(page, FILE, status);
  });

  /** The row is the API's job. */
  async function agree(id: string) {
    await expect.poll(async () => (await world.job(id)).sync?.state, end).toBe("confirmed");
    const { status, run, seq, progress, result } = await world.job(id);
    const mine = await world.row(id);
    expect(mine).toMatchObject({ status, run, seq, progress });
    if (result) expect(JSON.parse(mine.resultJson)).toMatchObject({ text: result.text });
    expect(mine).not.toHaveProperty("cancelRequestedAt");
  }
});
