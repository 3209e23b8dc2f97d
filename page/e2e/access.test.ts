/** The page of a server that asks for keys, from the first tab key to the corrected text, without a mouse. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProblems } from "./axe";
import { launch, openPage, recording, type Server, startServer } from "./environment";
import { type HeldEngine, startHeldEngine } from "./heldEngine";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
const ENOUGH = { timeout: 240_000 };

let engine: HeldEngine;
let server: Server;
let browser: Awaited<ReturnType<typeof launch>>;
let key: string;
let readKey: string;

beforeAll(async () => {
  engine = await startHeldEngine(1);
  engine.release();
  server = await startServer({ ADMIN_KEY, ...engine.settings });
  browser = await launch(inject("chromium"));
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
  await browser.close();
  await server.stop();
  engine.close();
});

/** The accessible name of what has the focus after each press of the tab key. */
async function tabThrough(page: Page, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i += 1) {
    await page.keyboard.press("Tab");
    names.push(
      await page.evaluate(() => {
        const element = document.activeElement as HTMLInputElement;
        return element.ariaLabel ?? element.labels?.[0]?.textContent?.trim() ?? element.textContent!.trim();
      }),
    );
  }
  return names;
}

test("a whole recording by keyboard alone: sign in, send, hear, correct, sign out", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await page.getByRole("heading", { name: "This server asks for a key" }).waitFor();
  expect(await findProblems(page)).toEqual([]);
  const names = await tabThrough(page, 5);
  expect(names.map((name) => name.split("System")[0])).toEqual([
    "Skip to the content",
    "Escriba",
    "Colours",
    "Español",
    "Access key",
  ]);
  await page.keyboard.type("esc_wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The server does not know this key.").waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.getByText("Drop recordings here").waitFor();
  expect(await page.evaluate(() => localStorage.getItem("escriba:page:key"))).toBeNull();

  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.getByRole("button", { name: "Sign out" }).focus();
  expect(await tabThrough(page, 1)).toEqual(["Choose files"]);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles(recording("english-short.wav"));
  await page.locator(".row-link").waitFor(ENOUGH);
  await page.locator(".row-link").focus();
  await page.keyboard.press("Enter");
  await page.locator(".para p").first().waitFor();

  await page.getByRole("button", { name: "Keys" }).focus();
  await page.keyboard.press("Tab"); // into the text
  expect(await page.evaluate(() => document.activeElement!.tagName)).toBe("P");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement!.getAttribute("role"))).toBe("textbox");
  await page.keyboard.type("Keyboard ");
  await page.keyboard.press("Tab"); // plays while it is corrected
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "Play" }).waitFor();
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement!.getAttribute("role"))).toBeNull();
  expect(await page.locator(".para p").first().textContent()).toMatch(/^Keyboard /);
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
  const tree = await page.locator("main").ariaSnapshot();
  for (const line of [
    'heading "Escriba: Grabaciones a texto" [level=1]',
    'region "Suelta aquí tus grabaciones":',
    'button "Elegir archivos"',
    'textbox "Enlace a una grabación"',
    'region "Tus textos":',
    'heading "Tus textos" [level=2]',
  ])
    expect(tree).toContain(line);
  expect(await findProblems(page)).toEqual([]);
  await page.context().close();
});

test("a key that may only read is offered no place to send recordings", async () => {
  const { page } = await openPage(browser, server.url);
  await page.getByLabel("Access key").fill(readKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Your texts" }).waitFor();
  expect(await page.getByText("Drop recordings here").count()).toBe(0);
  await page.reload();
  await page.locator(".drop").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Your texts" }).waitFor();
  await page.context().close();
});
