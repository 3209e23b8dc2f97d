/** Every state that a person may see, as one table: the tests of access and `make screenshots` walk it. */
import type { Browser, BrowserContextOptions, CDPSession, Page } from "playwright-core";
import { openPage } from "../environment";
import { adminStates } from "./admin";
import { homeStates } from "./home";
import { guardedStates } from "./guarded";
import { readerStates } from "./reader";
import { recordStates } from "./record";
import { serverStates, strictStates } from "./server";

/**
 * `open` asks nobody for a key; `strict` asks for one, and its engine takes one request a day; `guarded` asks for a
 * password, and its page lists recordings in Convex. `open` can be frozen, and in the place of `guarded` one with a newer
 * page can be started.
 */
export type Servers = {
  open: string;
  strict: string;
  guarded: string;
  key: string;
  adminKey: string;
  password: string;
  freeze(): void;
  thaw(): void;
  replace(): Promise<void>;
  loseConvex(): void;
};

export type Visit = { page: Page; cdp: CDPSession; servers: Servers };

/** Makes the page show the state, from where the state before it on the way has left it. */
export type State = { name: string; reach: (visit: Visit) => Promise<unknown> };

type Way = { name: string; server: "open" | "strict" | "guarded"; states: readonly State[] };

export const WAYS: readonly Way[] = [
  { name: "home", server: "open", states: homeStates },
  { name: "reader", server: "open", states: readerStates },
  { name: "server", server: "open", states: serverStates },
  { name: "record", server: "open", states: recordStates },
  { name: "strict", server: "strict", states: strictStates },
  { name: "admin", server: "strict", states: adminStates },
  { name: "guarded", server: "guarded", states: guardedStates },
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
    servers.thaw(); // the way may end where it stands still
    await page.context().close();
  }
}
