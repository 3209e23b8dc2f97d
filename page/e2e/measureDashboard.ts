/**
 * What the dashboard's history of 30 days and 50 keys costs a browser: processor time of the main thread, from the click
 * to the drawn charts and tables. Prints it (`npm run measure`); not a part of the tests, since a busy machine would decide.
 */
import { execFileSync } from "node:child_process";
import { inject, test } from "vitest";
import { ADMIN_KEY } from "./adminLoad";
import { launch, openPage, startServer } from "./environment";

const [DAYS, KEYS, ROUNDS] = [30, 50, 5];

/** Keys with long names, and what each used on each day. */
const SEED = `
import json, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30)
now, days, keys = time.time(), int(sys.argv[2]), int(sys.argv[3])
for key in range(keys):
    key_id = f"{key:08x}"
    name = f"Library of the district number {key}, reading room on the second floor, and its branches"
    document = {"keyId": key_id, "name": name[:80], "digest": f"{key:064x}", "scopes": ["transcribe", "read"], "createdAt": now}
    db.execute("INSERT INTO access_keys VALUES (?, ?, ?)", (key_id, now + key, json.dumps(document)))
    for day in range(days):
        period = time.strftime("day:%Y-%m-%d", time.gmtime(now - day * 86400))
        amounts = {"requests": 900 + key, "jobs": 40, "audioSeconds": 5000.5 + day, "failure:audio_unreadable": 3,
            "failure:rate_limited": 2, "failure:engine_broken": 1, "latency:0.025": 700, "latency:0.1": 100, "latency:2.5": 60,
            "latency:10": 30, "latency:30": 10}
        db.executemany("INSERT INTO usage VALUES (?, ?, ?, ?)", [(period, key_id, *each) for each in amounts.items()])
db.commit()
`;

export const seed = (folder: string) =>
  execFileSync("python3", ["-c", SEED, `${folder}/escriba.sqlite3`, String(DAYS), String(KEYS)]);

test("30 days of 50 keys", async () => {
  const server = await startServer({ ADMIN_KEY });
  seed(server.folder);
  const browser = await launch(inject("chromium"));
  const { page } = await openPage(browser, `${server.url}/admin#/admin/history`);
  await page.getByLabel("Access key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".by-key").waitFor();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
  };
  const times: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.getByLabel("Time").selectOption("7");
    await page.waitForTimeout(1000);
    const before = await busy();
    await page.getByLabel("Time").selectOption("30");
    await page.waitForTimeout(2000);
    times.push(((await busy()) - before).toFixed(0));
  }
  console.log(`30 days of 50 keys: ${times.join(", ")} ms of main thread`);
  await browser.close();
  await server.stop();
}, 300_000);
