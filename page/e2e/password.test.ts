/** The page of a server that has a password: signing in, staying in, and finding one's recordings again. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProblems } from "./axe";
import { type Engine, startEngine } from "./engine";
import { choose, closePages, openPage, recording, type Server, sharedBrowser, startServer } from "./environment";

const PASSWORD = "la señora Muñoz canta";
let engine: Engine;
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;

beforeAll(async () => {
  engine = await startEngine();
  server = await startServer({ PAGE_PASSWORD: PASSWORD, ...engine.settings });
  browser = await sharedBrowser();
});

afterAll(async () => {
  await closePages(browser);
  await server.stop();
  engine.close();
});

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Whether the server lets this page read the job. */
const status = (page: Page, jobId: string) =>
  page.evaluate(async (id) => {
    const token = sessionStorage.getItem("escriba:page:key") ?? localStorage.getItem("escriba:page:key");
    return (await fetch(`job/${id}`, { headers: { authorization: `Bearer ${token}` } })).status;
  }, jobId);

test("a person signs in by password, transcribes, signs out and finds the recording again; another browser does not", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await page.getByRole("heading", { name: "This server asks for a password" }).waitFor();
  expect(await findProblems(page)).toEqual([]);
  await signIn(page, "not the password");
  await page.getByText("This is not the password.").waitFor();
  await signIn(page, PASSWORD.normalize("NFD"));
  await page.getByText("Drop recordings here").waitFor();
  await choose(page, recording("english-short.wav"));
  await page.locator(".row-link").waitFor();
  const jobId = (await page.locator(".row-link").getAttribute("href"))!.replace(/.*\//, "");
  await page.reload();
  await page.locator(".row-link").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "This server asks for a password" }).waitFor();
  await signIn(page, PASSWORD);
  await page.locator(".row-link").waitFor();
  expect(await status(page, jobId)).toBe(200);

  const other = await openPage(browser, server.url);
  await signIn(other.page, PASSWORD);
  await other.page.getByText("Drop recordings here").waitFor();
  expect(await status(other.page, jobId)).toBe(404);
  expect(problems).toEqual([]);
  await page.context().close();
  await other.page.context().close();
});

test("after many guesses the right password is refused for some seconds, and the page says so", async () => {
  const { page } = await openPage(browser, server.url, { locale: "es-ES" });
  const answers = await page.evaluate(async () => {
    const guess = { method: "POST", body: JSON.stringify({ password: "no", browser: "1".repeat(32) }) };
    const headers = { "content-type": "application/json" };
    return await Promise.all(
      Array.from({ length: 12 }, async () => (await fetch("sign-in", { ...guess, headers })).status),
    );
  });
  expect(new Set(answers)).toEqual(new Set([401, 429]));
  await page.getByLabel("Contraseña").fill(PASSWORD);
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.getByText(/Demasiados intentos. Vuelve a probar en \d+ segundos?/).waitFor();
  await page.context().close();
});
