import { expect, test } from "vitest";
import { type Job, newest, unheard } from "./job";

const id = "00000000-0000-4000-8000-000000000001";
const job = (fields: Partial<Job>): Job => ({ ...unheard(id), ...fields });

test("progress never falls within a run, and starts over with the next", () => {
  const shown = newest(job({ seq: 3, status: "processing", progress: 60 }), job({ seq: 4, status: "waiting", progress: 50 }));
  expect(shown).toMatchObject({ status: "waiting", progress: 60 });
  expect(newest(shown, job({ seq: 6, run: 2, status: "queued" }))).toMatchObject({ status: "queued", progress: 0 });
});

test("an end stays, whatever comes late", () => {
  const completed = job({ seq: 9, status: "completed", progress: 100 });
  for (const late of [job({}), job({ seq: 8, status: "processing" }), job({ seq: 12, status: "processing" }), job({ seq: 10, status: "cancelled" })]) {
    expect(newest(completed, late)).toBe(completed);
  }
});

test("a wish to cancel shows though nothing else is new, and not on a job that has ended", () => {
  const running = job({ seq: 3, status: "processing" });
  expect(newest(running, { ...running, cancelRequested: true }).cancelRequested).toBe(true);
  const done = job({ seq: 4, status: "completed" });
  expect(newest(done, { ...running, cancelRequested: true })).toBe(done);
});
