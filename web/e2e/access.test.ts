/** Pages of an app whose API asks for access keys: real API without anonymous access, local Convex, real browser. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recording, shows } from "./environment";
import { FILE, type RealEnvironment, as, chooseRecording, hasApi, startRealEnvironment } from "./real-api";

const SECONDS = 2;

describe.skipIf(!hasApi)("with the real API and ADMIN_KEY", () => {
  let environment: RealEnvironment;
  beforeAll(async () => {
    environment = await startRealEnvironment({ accessKeys: true, tokenSeconds: SECONDS });
  });
  afterAll(() => environment.close());

  /** Signs in, and keeps the tokens that the page sends to the API. */
  async function signIn(name: string): Promise<{ page: Page; tokens: string[]; events: string[]; refusals: string[] }> {
    const page = await environment.openPage();
    const tokens: string[] = [];
    const events: string[] = [];
    const refusals: string[] = [];
    page.on("request", (request) => {
      const [, token] = (request.headers().authorization ?? "").split(" ");
      if (token && request.url().startsWith(environment.apiUrl)) tokens.push(token);
    });
    page.on("websocket", (socket) => {
      if (socket.url().includes("/ws/transcription/"))
        socket.on("framereceived", ({ payload }) => events.push(JSON.parse(String(payload)).type));
    });
    page.on("response", (response) => {
      if ([403, 404].includes(response.status())) refusals.push(`${response.status()} ${response.url()}`);
    });
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText(name).waitFor();
    return { page, tokens, events, refusals };
  }

  const statusOf = async (id: string, headers = {}) =>
    (await fetch(`${environment.apiUrl}/job/${id}`, { headers })).status;

  test("two signed-in users transcribe, and nothing of one is visible to the other", async () => {
    const [ana, eve] = [await signIn("ana"), await signIn("eve")];
    const hers = await chooseRecording(ana.page);
    const other = await chooseRecording(eve.page);
    for (const [page, id] of [
      [ana.page, hers],
      [eve.page, other],
    ] as const) {
      await shows(page, FILE, "completed");
      const { result } = await environment.getJob(id);
      await recording(page, FILE).locator("blockquote", { hasText: result.text }).waitFor();
      await expect.poll(() => page.locator("[data-job]").count()).toBe(1);
    }
    const [one, two] = [await environment.getJob(hers), await environment.getJob(other)];
    expect([one.userId, two.userId]).toEqual([
      ...[expect.stringMatching(/^user:.*\|ana$/), expect.stringMatching(/^user:.*\|eve$/)],
    ]);
    const token = await environment.createToken(two.userId); // the page's own may have ended
    expect(await statusOf(hers)).toBe(401);
    expect(await statusOf(hers, as(token))).toBe(404);
    expect((await fetch(`${environment.apiUrl}/job/${hers}`, { method: "DELETE", headers: as(token) })).status).toBe(
      404,
    );
    expect(await statusOf(other, as(token))).toBe(200);
    expect([ana.refusals, eve.refusals]).toEqual([[], []]);
  });

  test("events come live, and a token that ends while the job runs is renewed", async () => {
    await environment.controlEngine({ default: { hang: true } });
    const { page, tokens, events } = await signIn("ada");
    const id = await chooseRecording(page);
    await shows(page, FILE, "processing");
    const first = tokens.at(-1)!;
    await expect.poll(() => statusOf(id, as(first))).toBe(401); // it has ended
    await recording(page, FILE).getByRole("button", { name: "Cancel" }).click();
    await shows(page, FILE, "cancelled");
    expect((await environment.getJob(id)).status).toBe("cancelled");
    await expect.poll(() => tokens.at(-1)).not.toBe(first);
    await expect.poll(() => events[0]).toBe("snapshot");
  });
});
