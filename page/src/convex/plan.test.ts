/** What is to be done where this browser's history and its person's rows in Convex differ. */
import { expect, test } from "vitest";
import type { RecordingRow } from "../store/database";
import { planOf, type Situation } from "./plan";
import type { ListedJob } from "./rows";

const NOW = 1_000_000_000;

const listed = (jobId: string, more: Partial<ListedJob> = {}) =>
  ({ jobId, status: "completed", seq: 5, createdAt: 10, updatedAt: NOW, ...more }) as ListedJob;

const stored = (jobId: string, more: Partial<RecordingRow> = {}) =>
  ({ jobId, etag: '"5"', createdAt: 10, isUnsent: false, isListed: true, ...more }) as RecordingRow;

function idsOf(situation: Partial<Situation>) {
  const nothing = { rows: [], here: [], isWhole: true, own: new Set(""), deleted: new Set(""), brought: new Map() };
  const plan = planOf({ ...nothing, since: 0, now: NOW, ...situation });
  const named = Object.entries(plan).map(([step, rows]) => [step, rows.map(({ jobId }) => jobId)] as const);
  return Object.fromEntries(named.filter(([, ids]) => ids.length > 0));
}

test("a text that is in both is shown once, and nothing is asked for it", () => {
  expect(idsOf({ rows: [listed("a")], here: [stored("a")] })).toEqual({});
});

test("a text of another device is brought, once, and not while this browser follows or has deleted it", () => {
  const rows = [listed("a")];
  expect(idsOf({ rows })).toEqual({ bring: ["a"] });
  expect(idsOf({ rows, own: new Set(["a"]) })).toEqual({});
  expect(idsOf({ rows, deleted: new Set(["a"]) })).toEqual({});
  expect(idsOf({ rows, brought: new Map([["a", 5]]) })).toEqual({});
});

test("a text that was corrected elsewhere is renewed, never over a correction that the server lacks", () => {
  const rows = [listed("a", { seq: 12 })];
  expect(idsOf({ rows, here: [stored("a", { etag: '"9-x"' })] })).toEqual({ renew: ["a"] });
  expect(idsOf({ rows, here: [stored("a", { etag: '"9"', isUnsent: true })] })).toEqual({});
  expect(idsOf({ rows, here: [stored("a", { etag: '"12"' })] })).toEqual({});
});

test("a recording gets its row, but not one from before, and not again after another device removed it", () => {
  expect(idsOf({ here: [stored("a", { isListed: false })] })).toEqual({ create: ["a"] });
  expect(idsOf({ here: [stored("a", { isListed: false })], since: 11 })).toEqual({});
  expect(idsOf({ here: [stored("a")] })).toEqual({});
});

test("a copy without its row may be deleted; what was sent from here, or is beyond the list's end, is not", () => {
  const copy = stored("a", { isCopy: true });
  expect(idsOf({ here: [copy] })).toEqual({ check: ["a"] });
  expect(idsOf({ here: [stored("a", { isCopy: true, isUnsent: true })] })).toEqual({});
  expect(idsOf({ here: [stored("a")] })).toEqual({});
  const beyond = { rows: [listed("b", { createdAt: 20 })], isWhole: false };
  expect(idsOf({ ...beyond, here: [copy, stored("b")] })).toEqual({});
});

test("what other devices have in progress is shown for a day", () => {
  const rows = [listed("a", { status: "queued" }), listed("b", { status: "failed" })];
  expect(idsOf({ rows })).toEqual({ elsewhere: ["a"] });
  expect(idsOf({ rows, now: NOW + 2 * 86_400_000 })).toEqual({});
});
