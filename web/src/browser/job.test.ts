import { expect, test } from "vitest";
import { STATUSES } from "../job/jobVersion";
import { type Job, initialJob, isTerminal, mergeJob } from "./job";

const id = "00000000-0000-4000-8000-000000000001";
const job = (fields: Partial<Job>): Job => ({ ...initialJob(id), ...fields });

test("progress never falls within a run, and starts over with the next", () => {
  const shown = mergeJob(
    job({ seq: 3, status: "processing", progress: 60 }),
    job({ seq: 4, status: "waiting", progress: 50 }),
  );
  expect(shown).toMatchObject({ status: "waiting", progress: 60 });
  expect(mergeJob(shown, job({ seq: 6, run: 2, status: "queued" }))).toMatchObject({ status: "queued", progress: 0 });
});

test("no later message changes a job that has ended", () => {
  const completed = job({ seq: 9, status: "completed", progress: 100 });
  for (const late of [
    job({}),
    job({ seq: 8, status: "processing" }),
    job({ seq: 12, status: "processing" }),
    job({ seq: 10, status: "cancelled" }),
  ]) {
    expect(mergeJob(completed, late)).toBe(completed);
  }
});

test("cancelRequested is set without a newer version, lasts for the run, and never shows on a job that has ended", () => {
  const running = job({ seq: 3, status: "processing" });
  expect(mergeJob(running, { ...running, cancelRequested: true }).cancelRequested).toBe(true);
  const cancelling = { ...running, cancelRequested: true };
  const next = job({ seq: 4, status: "processing" }); // the API does not send this field
  expect(mergeJob(cancelling, next)).toEqual({ ...next, cancelRequested: true });
  expect(mergeJob(cancelling, job({ seq: 5, run: 2, status: "queued" })).cancelRequested).toBe(false);
  expect(mergeJob(cancelling, job({ seq: 5, status: "cancelled" })).cancelRequested).toBe(false);
  const done = job({ seq: 4, status: "completed" });
  expect(mergeJob(done, { ...running, cancelRequested: true })).toBe(done);
});

test("in any order of messages no run, end or progress goes back", () => {
  let seed = 7; // the same pseudorandom numbers in each test run
  const below = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 2_000; round += 1) {
    let shown = initialJob(id);
    for (let message = 0; message < 12; message += 1) {
      const incoming = job({
        seq: below(12),
        run: 1 + below(3),
        status: STATUSES[below(STATUSES.length)]!,
        progress: below(101),
        presumed: false,
      });
      if (isTerminal(incoming.status)) incoming.presumed = below(3) === 0;
      const next = mergeJob(shown, incoming);
      expect(next.run).toBeGreaterThanOrEqual(shown.run);
      if (next.run === shown.run) {
        expect(next.progress).toBeGreaterThanOrEqual(shown.progress);
        if (isTerminal(shown.status) && !shown.presumed) expect(isTerminal(next.status)).toBe(true);
      }
      expect(mergeJob(next, incoming)).toEqual(next);
      shown = next;
    }
  }
});
