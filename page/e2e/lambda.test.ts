/**
 * The way of a person and a recording through the page where every request goes to a Lambda function, the sound to S3,
 * and the news come by API Gateway's WebSocket, to which the page offers its token as a subprotocol.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "./deployed";
import { replaceWord } from "./correct";
import { choose, closePages, download, openPage, recording, sharedBrowser } from "./environment";

const PASSWORD = "la señora Muñoz canta";

let deployed: Deployed;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;

beforeAll(async () => {
  [deployed, browser] = await Promise.all([deploy(PASSWORD), sharedBrowser()]);
});

afterAll(async () => {
  await closePages(browser);
  await deployed.stop();
});

type Message = { type: string; text?: string; job?: { status: string } };

/** What the page receives by WebSockets from now on. */
function readMessages(page: Page): Message[] {
  const messages: Message[] = [];
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => messages.push(JSON.parse(String(payload)) as Message)),
  );
  return messages;
}

/** Every answer from now on: its method, its path without the API's own, and its status. */
function readAnswers(page: Page): string[] {
  const answers: string[] = [];
  page.on("response", (response) => {
    if (!response.url().startsWith("http")) return;
    const path = response
      .url()
      .replace(deployed.url, "/")
      .replace(/[0-9a-f-]{36}/, "{id}");
    answers.push(`${response.request().method()} ${path} ${response.status()}`);
  });
  page.on("requestfailed", (request) => answers.push(`${request.url()} ${request.failure()?.errorText}`));
  return answers;
}

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Which of the subprotocols that it offered each WebSocket of the page was given. */
async function readSubprotocols(page: Page): Promise<string[]> {
  const answered: string[] = [];
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Network.enable");
  cdp.on("Network.webSocketHandshakeResponseReceived", ({ response }) => {
    const headers = new Headers(response.headers as Record<string, string>);
    answered.push(headers.get("sec-websocket-protocol") ?? "");
  });
  return answered;
}

test("a person signs in; a recording is sent to S3, its text comes live, is corrected and taken away", async () => {
  const { page, problems } = await openPage(browser, "about:blank");
  const [messages, answers, subprotocols] = [readMessages(page), readAnswers(page), await readSubprotocols(page)];
  await page.goto(deployed.url);
  // Where a part of the page does not come, these answers say which.
  await expect.poll(() => answers).toContain("GET /limits 200");
  await signIn(page, "another password");
  await page.getByText("This is not the password.").waitFor();
  await signIn(page, PASSWORD);
  await page.getByText("up to 200 MB").waitFor();
  await choose(page, recording("english-short.wav"));
  await expect.poll(() => messages.map(({ type }) => type)).toContain("snapshot");
  deployed.letEngineAnswer();
  await expect.poll(() => messages.at(-1)?.job?.status).toBe("completed");
  const live = messages.find(({ type }) => type === "text")!.text!; // which comes before the end
  expect(live).toMatch(/^heard [0-9a-f]{12}$/);
  expect(new Set(subprotocols)).toEqual(new Set(["escriba"])); // and never the token

  await page.locator(".row-link").click();
  await page.locator(".para p", { hasText: live }).first().waitFor();
  await replaceWord(page, 0, "Nadia Öztürk");
  await expect.poll(() => answers).toContain("PUT /job/{id}/transcript 200");
  const srt = await download(page, "Subtitles (.srt)");
  expect(srt).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\nNadia Öztürk [0-9a-f]{12}\n/);

  await expect.poll(() => answers).toContain("POST /transcribe-job 201");
  const toBucket = () => answers.find((answer) => /^POST .*bucket/.test(answer));
  await expect.poll(toBucket).toMatch(/\/escriba-audiobucket-\w+ 204$/);
  expect(problems).toEqual([]);
  await page.context().close();
});
