/** What a browser's processes used: processor time of a page's main thread, and memory. */
import { readFile } from "node:fs/promises";
import type { Browser, CDPSession, Page } from "playwright-core";

/** Begins to count processor time, not time on the clock: a busy machine changes it little. */
export async function countTime(page: Page): Promise<CDPSession> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  return cdp;
}

/** Milliseconds of processor time that the main thread has used. */
export async function busy(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
}

/** Proportional set size: its own memory, and its part of what it shares with the browser's other processes. */
export async function residentMegabytes(browser: Browser): Promise<string> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const sizes = await Promise.all(
    processInfo
      .filter(({ type }) => type === "renderer")
      .map(async ({ id }) => /^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${id}/smaps_rollup`, "utf8"))![1]!),
  );
  return sizes.map((size) => (Number(size) / 1_000).toFixed(0)).join(" + ");
}
