/** What a page asks of Convex, and how many connections it holds there. */
import type { Page } from "playwright-core";

type Message = { type: string; udfPath?: string; modifications?: Array<{ type: string; udfPath?: string }> };

/** To be called before the page is opened. */
export function watchTraffic(page: Page, url: string) {
  /** Names of functions, and addresses of requests over HTTP. */
  const traffic = { asked: [] as string[], open: 0 };
  page.on("request", (request) => {
    if (request.url().startsWith(url)) traffic.asked.push(request.url());
  });
  page.on("websocket", (socket) => {
    if (!socket.url().startsWith(url.replace("http", "ws"))) return;
    traffic.open += 1;
    socket.on("close", () => (traffic.open -= 1));
    socket.on("framesent", ({ payload }) => traffic.asked.push(...questionsIn(String(payload))));
  });
  return traffic;
}

function questionsIn(payload: string): string[] {
  const { type, udfPath, modifications = [] } = JSON.parse(payload) as Message;
  const added = modifications.filter((one) => one.type === "Add").map((one) => one.udfPath!);
  return type === "Mutation" ? [udfPath!] : added;
}

/** When the list has its first text, by the machine's clock. */
export const timeOfFirstRow = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const look = () => document.querySelector(".rows a.row-link") && resolve(Date.now());
        new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
        look();
      }),
  );

/** As a browser does with a tab behind others; a headless one has none behind. */
export const setHidden = (page: Page, isHidden: boolean): Promise<void> =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
