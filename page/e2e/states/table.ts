/** Every state that a person may see, as one table: the tests of access and `make screenshots` walk it. */
import type { Browser, BrowserContextOptions, CDPSession, Page } from "playwright-core";
import { openPage } from "../environment";
import { homeStates } from "./home";
import { readerStates } from "./reader";
import { refusedStates, serverStates, strictStates } from "./server";

/** `open` asks nobody for a key; `strict` asks for one, and its engine takes one request a day. */
export type Servers = { open: string; strict: string; key: string };

export type Visit = { page: Page; cdp: CDPSession; servers: Servers };

/** Makes the page show the state, from where the state before it on the way has left it. */
export type State = { name: string; reach: (visit: Visit) => Promise<unknown> };

type Way = { name: string; server: "open" | "strict"; states: readonly State[] };

export const WAYS: readonly Way[] = [
  { name: "home", server: "open", states: homeStates },
  { name: "reader", server: "open", states: readerStates },
  { name: "server", server: "open", states: serverStates },
  { name: "refused", server: "open", states: refusedStates },
  { name: "strict", server: "strict", states: strictStates },
];

/** Reaches each state of a way once, in one browser of its own, and looks at it. */
export async function walk(
  way: Way,
  { browser, servers, options }: { browser: Browser; servers: Servers; options: BrowserContextOptions },
  look: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  const { page } = await openPage(browser, servers[way.server], options);
  try {
    const visit = { page, servers, cdp: await page.context().newCDPSession(page) };
    for (const { name, reach } of way.states) {
      await reach(visit);
      await look(page, name);
    }
  } finally {
    await page.context().close();
  }
}
