/** The page of a server that asks for keys, from the first tab key to the corrected text, without a mouse. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProblems } from "./axe";
import { expectFocus, press } from "./focus";
import { type Engine, startEngine } from "./engine";
import { closePages, openPage, recording, type Server, sharedBrowser, startServer } from "./environment";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
let engine: Engine;
let server: Server;
let browser: Awaited<ReturnType<typeof sharedBrowser>>;
let key: string;
let readKey: string;

beforeAll(async () => {
  engine = await startEngine();
  server = await startServer({ ADMIN_KEY, ...engine.settings });
  browser = await sharedBrowser();
  [key, readKey] = await Promise.all([makeKey(["transcribe", "read"]), makeKey(["read"])]);
});

async function makeKey(scopes: string[]): Promise<string> {
  const made = await fetch(`${server.url}/admin/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "the page's test", scopes }),
  });
  return ((await made.json()) as { key: string }).key;
}

afterAll(async () => {
  await closePages(browser);
  await server.stop();
  engine.close();
});

test("a whole recording by keyboard alone: sign in, send, hear, correct, sign out", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await page.getByRole("heading", { name: "This server asks for a key" }).waitFor();
  expect(await findProblems(page)).toEqual([]);
  await press(
    page,
    "Tab",
    'link "Skip to the content"',
    'link "Escriba"',
    'combobox "Colours"',
    'button "Español"',
    'textbox "Access key"',
  );
  await page.keyboard.type("esc_wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The server does not know this key.").waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.getByText("Drop recordings here").waitFor();
  expect(await page.evaluate(() => localStorage.getItem("escriba:page:key"))).toBeNull();
  await expectFocus(page, "main");

  await page.getByRole("button", { name: "Sign out" }).focus();
  const choosing = page.waitForEvent("filechooser"); // some time before: the browser must hear of it first
  await press(page, "Tab", 'button "Choose files"');
  await page.keyboard.press("Enter");
  await (await choosing).setFiles(recording("english-short.wav"));
  await page.locator(".row-link").waitFor();
  await page.locator(".row-link").focus();
  await page.keyboard.press("Enter");
  await page.locator(".para p").first().waitFor();

  await page.getByRole("button", { name: "Keys" }).focus();
  await press(page, "Tab", "paragraph");
  await press(page, "Enter", 'textbox "Paragraph at 0:00"');
  await page.keyboard.type("Keyboard ");
  await page.keyboard.press("Tab"); // plays while it is corrected
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "Play" }).waitFor();
  await press(page, "Escape", "paragraph");
  await expect.poll(() => page.locator(".para p").first().textContent()).toMatch(/^Keyboard /);
  await page.locator(".facts", { hasText: "Saved" }).waitFor();
  expect(await findProblems(page)).toEqual([]);

  await page.getByRole("button", { name: "Sign out" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "This server asks for a key" }).waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a screen reader finds its way", async () => {
  const { page } = await openPage(browser, server.url, { locale: "es-ES" });
  await page.getByLabel("Clave de acceso").fill(key);
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.getByText("Suelta aquí tus grabaciones").waitFor();
  for (const line of [
    'heading "Escriba: Grabaciones a texto" [level=1]',
    'region "Suelta aquí tus grabaciones":',
    'button "Elegir archivos"',
    'textbox "Enlace a una grabación"',
    'region "Tus textos":',
    'heading "Tus textos" [level=2]',
  ])
    await expect.poll(() => page.locator("main").ariaSnapshot()).toContain(line);
  expect(await findProblems(page)).toEqual([]);
  await page.context().close();
});

test("a key that may only read is offered no place to send recordings", async () => {
  const { page } = await openPage(browser, server.url);
  await page.getByLabel("Access key").fill(readKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Your texts" }).waitFor();
  await page.locator(".drop").waitFor({ state: "detached" });
  await page.reload();
  await page.locator(".drop").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Your texts" }).waitFor();
  await page.context().close();
});
