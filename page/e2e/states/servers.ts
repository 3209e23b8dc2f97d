/** The servers of the table of states, and the browser before them. */
import { inject } from "vitest";
import { launch, startServer } from "../environment";
import type { Servers } from "./table";

const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";

export async function openAll() {
  const open = await startServer();
  // The embedded engine has no quota; the other server's API is an engine that may have one.
  const engine = { GROQ_BASE_URL: `${open.url}/v1`, QUOTA_REQUESTS_PER_DAY: "1" };
  const strict = await startServer({ ADMIN_KEY, ...engine });
  const browser = await launch(inject("chromium"));
  const servers: Servers = { open: open.url, strict: strict.url, key: await makeKey(strict.url) };
  const close = async () => {
    await browser.close();
    await Promise.all([open.stop(), strict.stop()]);
  };
  return { browser, servers, close };
}

async function makeKey(url: string): Promise<string> {
  const made = await fetch(`${url}/admin/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "the page's states" }),
  });
  return ((await made.json()) as { key: string }).key;
}
