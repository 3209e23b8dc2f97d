/**
 * A server with Convex configured: the row of a job sent from the page tells what the page shows. Escriba's own page
 * makes no rows; an app makes one before it sends the job, and so does this test.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { startLocalConvex } from "../../web/dev/local-convex.mjs";
import { choose, launch, openPage, recording, type Server, startServer } from "./environment";

const KEY = "a-key-for-tests";
const ENOUGH = { timeout: 30_000 };

let convex: Awaited<ReturnType<typeof startLocalConvex>>;
let server: Server;
let browser: Awaited<ReturnType<typeof launch>>;

beforeAll(async () => {
  process.env.ESCRIBA_API_KEY = KEY;
  convex = await startLocalConvex({ crons: false, log: () => {} });
  server = await startServer({ CONVEX_SITE_URL: convex.siteUrl, CONVEX_API_KEY: KEY });
  browser = await launch(inject("chromium"));
});

afterAll(async () => {
  await browser.close();
  await server.stop();
  await convex.close();
});

/** Each job that the page sends has its row first, as an app's page makes it. */
const makeRows = (page: Page) =>
  page.route("**/transcribe-job", async (route) => {
    const { jobId } = route.request().postDataJSON() as { jobId: string };
    const args = { jobId, ownerToken: "an-owner-token-that-nobody-guesses-0123456789" };
    const call = { path: "jobs:create", format: "json", args };
    const answer = await fetch(`${convex.url}/api/mutation`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(call),
    });
    expect(await answer.json()).toMatchObject({ status: "success" });
    await route.continue();
  });

/** The row of a job with its transcript. */
async function readRow(jobId: string) {
  const find = async (table: string) =>
    ((await convex.backend.table(table)) as Array<{ jobId: string }>).find((row) => row.jobId === jobId);
  return { ...(await find("escriba/transcripts")), ...(await find("escriba/jobs")) } as {
    status?: string;
    resultJson?: string;
  };
}

test("its row is completed, and has the text as it was corrected on the page", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await makeRows(page);
  await choose(page, recording("english-short.wav"));
  await page.locator(".row-link").click(ENOUGH);
  const text = page.locator(".para p").first();
  await text.waitFor(ENOUGH);
  const jobId = page.url().split("/").at(-1)!;
  await expect.poll(async () => (await readRow(jobId)).status, ENOUGH).toBe("completed");
  const rowText = async () => (JSON.parse((await readRow(jobId)).resultJson!) as { text: string }).text;
  expect(await rowText()).toBe(await text.textContent());

  await page.getByRole("button", { name: "Correct", exact: true }).click();
  const first = { position: { x: 10, y: 14 } };
  await text.dblclick(first);
  await text.dblclick(first);
  await page.keyboard.type("Öztürk");
  await expect.poll(rowText, ENOUGH).toMatch(/^Öztürk /);
  expect(await rowText()).toBe(await text.textContent());
  expect(problems).toEqual([]);
  await page.context().close();
});
