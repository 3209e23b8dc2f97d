import { expect, test } from "vitest";
import { STATUSES } from "../convex/model/jobVersion";
import { type Job, isTerminal, mergeJob, initialJob } from "./job";

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

test("an end stays, whatever comes late", () => {
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

test("a wish to cancel shows though nothing else is new, and not on a job that has ended", () => {
  const running = job({ seq: 3, status: "processing" });
  expect(mergeJob(running, { ...running, cancelRequested: true }).cancelRequested).toBe(true);
  const asked = { ...running, cancelRequested: true };
  const next = job({ seq: 4, status: "processing" }); // the API knows nothing of wishes
  expect(mergeJob(asked, next)).toEqual({ ...next, cancelRequested: true });
  expect(mergeJob(asked, job({ seq: 5, run: 2, status: "queued" })).cancelRequested).toBe(false);
  expect(mergeJob(asked, job({ seq: 5, status: "cancelled" })).cancelRequested).toBe(false);
  const done = job({ seq: 4, status: "completed" });
  expect(mergeJob(done, { ...running, cancelRequested: true })).toBe(done);
});

test("whatever comes, in whatever order: runs, ends and progress never go back", () => {
  let state = 7; // the same "random" numbers every time
  const upTo = (n: number) => (state = (state * 48271) % 2147483647) % n;
  for (let life = 0; life < 2_000; life += 1) {
    let shown = initialJob(id);
    for (let message = 0; message < 12; message += 1) {
      const news = job({
        seq: upTo(12),
        run: 1 + upTo(3),
        status: STATUSES[upTo(STATUSES.length)]!,
        progress: upTo(101),
        presumed: false,
      });
      if (isTerminal(news.status)) news.presumed = upTo(3) === 0;
      const next = mergeJob(shown, news);
      expect(next.run).toBeGreaterThanOrEqual(shown.run);
      if (next.run === shown.run) {
        expect(next.progress).toBeGreaterThanOrEqual(shown.progress);
        if (isTerminal(shown.status) && !shown.presumed) expect(isTerminal(next.status)).toBe(true);
      }
      expect(mergeJob(next, news)).toEqual(next);
      shown = next;
    }
  }
});
