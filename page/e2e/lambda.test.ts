/** The way of a recording through the page where every request goes to a Lambda function, and the sound to S3. */
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Deployed, deploy } from "./deployed";
import { choose, download, launch, openPage, recording } from "./environment";

const PASSWORD = "la señora Muñoz canta";
const ENOUGH = { timeout: 120_000 };

let deployed: Deployed;
let browser: Awaited<ReturnType<typeof launch>>;

beforeAll(async () => {
  [deployed, browser] = await Promise.all([deploy(PASSWORD), launch(inject("chromium"))]);
});

afterAll(async () => {
  await browser.close();
  await deployed.stop();
});

test("a person signs in, sends a recording to S3, corrects its text and takes it away", async () => {
  const { page, problems } = await openPage(browser, deployed.url);
  const answers: string[] = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    answers.push(`${response.request().method()} ${pathname} ${response.status()}`);
  });
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.getByLabel("Password").fill(PASSWORD, ENOUGH);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Drop recordings here").waitFor(ENOUGH);
  await page.getByText("up to 200 MB").waitFor(ENOUGH);
  await choose(page, recording("english-short.wav"));
  await page.locator(".row-link").click(ENOUGH);
  const text = page.locator(".para p").first();
  await text.waitFor(ENOUGH);
  const heard = (await text.textContent())!;
  expect(heard).toMatch(/^heard [0-9a-f]{12}/);

  await page.getByRole("button", { name: "Correct", exact: true }).click();
  await text.dblclick({ position: { x: 10, y: 14 } });
  await text.dblclick({ position: { x: 10, y: 14 } });
  await page.keyboard.type("Nadia Öztürk");
  await page.locator(".facts", { hasText: "Saved" }).waitFor(ENOUGH);
  const srt = await download(page, "Subtitles (.srt)");
  console.log(answers, sockets, srt);
  expect(problems).toEqual([]);
  await page.context().close();
});
