/** How often the API is asked about one job: the figures of README's "What it costs". */
import { expect, test } from "vitest";
import { type CheckConditions, nextCheck } from "./checkTime";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The times of all checks of a job about which no news ever comes. */
function checksWithin(time: number, job: Omit<CheckConditions, "checks">): number[] {
  const times: number[] = [];
  for (let now = 0, checks = 0; ; checks += 1) {
    now = nextCheck({ ...job, checks }, now)!;
    if (now > time) return times;
    times.push(now);
  }
}

test("a job without any news is asked about nine times on the first day and four times on each later one", () => {
  const times = checksWithin(30 * DAY, { status: "processing" });
  expect(times.filter((time) => time <= DAY)).toHaveLength(9);
  expect(times.filter((time) => time > DAY && time <= 2 * DAY)).toHaveLength(4);
  expect(times).toHaveLength(9 + 29 * 4);
});

test("a cancel that the page could not deliver is repeated after a minute, two, four", () => {
  const job = { status: "processing", cancelRequestedAt: 0 } as const;
  expect(checksWithin(10 * MINUTE, job)).toEqual([MINUTE, 3 * MINUTE, 7 * MINUTE]);
});

test("a job that waits is asked about when it continues, and no later than after six hours", () => {
  expect(nextCheck({ status: "waiting", waitingUntil: 20 * MINUTE, checks: 0 }, 0)).toBe(20.25 * MINUTE);
  expect(nextCheck({ status: "waiting", waitingUntil: 3 * DAY, checks: 0 }, 0)).toBe(DAY / 4);
  expect(nextCheck({ status: "waiting", waitingUntil: 20 * MINUTE, checks: 1 }, 21 * MINUTE)).toBe(31 * MINUTE);
});

test("a job that has ended is not asked about", () => {
  for (const status of ["completed", "failed", "cancelled"] as const)
    expect(nextCheck({ status, cancelRequestedAt: 1, checks: 0 }, 0)).toBeUndefined();
});
