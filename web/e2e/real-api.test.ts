/** The page in Chromium against the real API process. Skipped where there is no API. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { recording, shows } from "./environment";
import { FILE, type RealEnvironment, chooseRecording, hasApi, startRealEnvironment } from "./real-api";

describe.skipIf(!hasApi)("with the real API", () => {
  let environment: RealEnvironment;
  beforeAll(async () => {
    environment = await startRealEnvironment();
  });
  afterAll(() => environment.close());
  afterEach(async () => {
    await environment.resetEngine();
    await Promise.all(environment.browser.contexts().map((context) => context.close()));
  });

  test("a job goes from its file to its transcript", async () => {
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    await shows(page, FILE, "completed");
    await showsText(page, await textOf(id));
    await rowEqualsJob(id);
  });

  // The README's table of function calls counts with this many.
  test("a short job costs at most four pushes", async () => {
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    await shows(page, FILE, "completed");
    await rowEqualsJob(id);
    const calls = (await (await fetch(`${environment.convex.siteUrl}/dev/calls`)).json()) as Array<{
      sent: { jobId: string };
    }>;
    const pushes = calls.filter(({ sent }) => sent.jobId === id).length;
    expect(pushes).toBeLessThanOrEqual(4);
  });

  test("a job that is cancelled while the engine works can be retried", async () => {
    await environment.controlEngine({ script: [{ hang: true }] });
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    await shows(page, FILE, "processing");
    await recording(page, FILE).getByRole("button", { name: "Cancel" }).click();
    await shows(page, FILE, "cancelled");
    await rowEqualsJob(id);
    await environment.resetEngine(); // the cancel may have come before the engine's request
    await recording(page, FILE).getByRole("button", { name: "Try again" }).click();
    // The API has deleted the audio of the cancelled job. The page still has it, and uploads it again.
    await shows(page, FILE, "completed");
    await showsText(page, await textOf(id));
    await rowEqualsJob(id);
    expect((await environment.readRow(id)).run).toBe(2);
  });

  test("the page follows a run that another client of the API has started", async () => {
    await environment.controlEngine({ script: [{ status: 401, body: { error: { message: "Invalid API Key" } } }] });
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    await shows(page, FILE, "failed");
    await rowEqualsJob(id);
    expect((await fetch(`${environment.apiUrl}/job/${id}/retry`, { method: "POST" })).status).toBe(202);
    await shows(page, FILE, "completed");
    await showsText(page, await textOf(id));
    await rowEqualsJob(id);
    expect((await environment.readRow(id)).run).toBe(2);
  });

  test("the page still shows the text of a job that was deleted at the API", async () => {
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    await shows(page, FILE, "completed");
    await rowEqualsJob(id);
    const text = await textOf(id);
    const { seq } = await (await fetch(`${environment.apiUrl}/job/${id}`, { method: "DELETE" })).json();
    await expect.poll(async () => (await environment.readRow(id)).seq).toBe(seq);
    await page.reload();
    await showsText(page, text);
    await shows(page, FILE, "completed");
  });

  test("a cancel in the moment of completion leaves page, row and API in one status", async () => {
    await environment.controlEngine({ default: { delay: 0.3 } });
    const page = await environment.openPage();
    const id = await chooseRecording(page);
    // On a busy machine the page may first hear of the job when it has completed.
    await page.locator(`[aria-label="${FILE}"]:is([data-status="processing"], [data-status="completed"])`).waitFor();
    await page.waitForTimeout(300);
    const answer = page.waitForResponse((response) => response.request().method() === "DELETE").catch(() => null);
    const cancel = recording(page, FILE).getByRole("button", { name: "Cancel" });
    const isClicked = await cancel.click({ timeout: 1_000 }).then(
      () => true,
      () => false, // the job was completed before
    );
    if (isClicked) await answer;
    await expect.poll(async () => (await environment.readRow(id)).status).toMatch(/completed|cancelled/);
    const { status } = await environment.readRow(id);
    const response = await fetch(`${environment.apiUrl}/job/${id}`);
    // A cancel just after the completion deletes the job at the API: the page keeps what it had.
    if (response.status === 410) expect(status).toBe("completed");
    else await rowEqualsJob(id);
    await shows(page, FILE, status);
  });

  async function textOf(id: string): Promise<string> {
    const { result } = await environment.getJob(id);
    expect(result.text).not.toBe("");
    return result.text;
  }

  const showsText = (page: Page, text: string) =>
    recording(page, FILE).locator("blockquote", { hasText: text }).waitFor();

  async function rowEqualsJob(id: string) {
    await expect.poll(async () => (await environment.getJob(id)).sync?.state).toBe("confirmed");
    const { status, run, seq, progress, result } = await environment.getJob(id);
    const row = await environment.readRow(id);
    expect(row).toMatchObject({ status, run, seq, progress });
    if (result) expect(JSON.parse(row.resultJson)).toMatchObject({ text: result.text });
    expect(row).not.toHaveProperty("cancelRequestedAt");
  }
});
