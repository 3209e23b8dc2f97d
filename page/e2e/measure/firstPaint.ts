/** How soon a first visit sees the page by slow 4G (`npm run measure`). */
import { inject, test } from "vitest";
import { launch, openPage, startServer } from "../environment";

test("first paint on slow 4G", async () => {
  const server = await startServer();
  const browser = await launch(inject("chromium"));
  // On a second visit the page comes from the service worker.
  const { page } = await openPage(browser, "about:blank", { serviceWorkers: "block" });
  const cdp = await page.context().newCDPSession(page);
  const slow = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 };
  await cdp.send("Network.emulateNetworkConditions", slow);
  const times: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await cdp.send("Network.clearBrowserCache");
    await page.goto(server.url);
    await page.locator(".drop").waitFor();
    const paint = () => performance.getEntriesByName("first-contentful-paint")[0]!.startTime;
    times.push(await page.evaluate(paint));
  }
  console.log(`first paint: ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  await browser.close();
  await server.stop();
}, 300_000);
