/** What the dashboard makes of the rows of usage. */
import { expect, test } from "vitest";
import { count, groupBy, lastDays, lastHours, percentile, sum } from "./usage";

const row = (keyId: string, latency: Record<string, number>) => ({
  ...{ keyId, requests: 2, jobs: 1, audioSeconds: 1.5, failures: { busy: 1 } },
  latency,
});

test("rows add up, also by key", () => {
  const rows = [row("a", { "0.1": 1 }), row("b", { "0.1": 2, more: 1 }), row("a", {})];
  expect(sum(rows)).toEqual({
    ...{ requests: 6, jobs: 3, audioSeconds: 4.5 },
    ...{ failures: { busy: 3 }, latency: { "0.1": 3, more: 1 } },
  });
  expect([...groupBy(rows, ({ keyId }) => keyId!)].map(([key, group]) => [key, group.length])).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
  expect(count({ busy: 2, paused: 3 })).toBe(5);
});

test("a percentile lies within its bucket, however the buckets are ordered", () => {
  expect(percentile({}, 0.5)).toBeNull();
  expect(percentile({ "0.5": 10 }, 0.5)).toBeCloseTo(0.375);
  expect(percentile({ "10": 50, "0.1": 50 }, 0.5)).toBeCloseTo(0.1);
  expect(percentile({ "10": 50, "0.1": 50 }, 0.95)).toBeCloseTo(9.5);
  expect(percentile({ more: 1 }, 0.5)).toBe(Infinity);
});

test("periods are those of the server, the last one now", () => {
  const now = Date.parse("2026-03-01T00:30:00Z");
  expect(lastDays(now, 2)).toEqual(["2026-02-28", "2026-03-01"]);
  expect(lastHours(now, 2)).toEqual(["2026-02-28T23", "2026-03-01T00"]);
});
