/** What the dashboard's history costs the main thread (`npm run measure`). */
import { execFileSync } from "node:child_process";
import { inject, test } from "vitest";
import { launch, openPage, startServer } from "../environment";
import { busy, countTime } from "./figures";

test("the dashboard's history of 30 days of 50 keys", async () => {
  const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";
  const server = await startServer({ ADMIN_KEY });
  fillUsage(server.folder);
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, `${server.url}/#/admin/log`);
  await page.getByLabel("Access key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".tabs").waitFor();
  const cdp = await countTime(page);
  await page.evaluate(() => (location.hash = "#/admin/history"));
  await page.locator(".by-key").waitFor();
  const before = await busy(cdp);
  await page.getByLabel("Time").selectOption("30");
  await page.locator(".by-key tbody tr").nth(49).waitFor();
  await page.waitForTimeout(500); // whatever is painted later belongs to it
  console.log(`30 days of 50 keys: ${((await busy(cdp)) - before).toFixed(0)} ms of main thread`);
  await browser.close();
  await server.stop();
}, 300_000);

function fillUsage(folder: string): void {
  const script = `
import datetime, sqlite3, sys
today = datetime.datetime.now(datetime.timezone.utc).date()
names = ["requests", "jobs", "audioSeconds", "failure:busy", "failure:audio_unreadable"]
names += ["latency:" + bound for bound in ("0.025", "0.1", "0.5", "2.5", "10", "30")]
rows = [
    (f"day:{today - datetime.timedelta(days=day)}", f"{key:08x}", name, float(3 + day + key))
    for day in range(30) for key in range(50) for name in names
]
with sqlite3.connect(sys.argv[1]) as db:
    db.executemany("INSERT INTO usage VALUES (?, ?, ?, ?)", rows)
`;
  execFileSync("python3", ["-c", script, `${folder}/escriba.sqlite3`]);
}
