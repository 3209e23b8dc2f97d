/** How a page creates a job's row where the deployment bounds how many rows there may be. */
import { ConvexError } from "convex/values";
import { beforeEach, expect, test, vi } from "vitest";
import { MemoryStorage } from "../../test/memory-storage";
import type { ConvexLink } from "./convexLink";
import { ConvexRow } from "./convexRow";
import { JobStorage } from "./jobStorage";

const jobId = crypto.randomUUID();
let created: number;
let answers: Array<{ code: string; retryAfter?: number } | null>;

beforeEach(() => {
  vi.stubGlobal("localStorage", new MemoryStorage());
  vi.spyOn(console, "warn").mockImplementation(() => {});
  created = 0;
});

/** A deployment that refuses with these answers, one after another; null creates the row. */
const link = {
  create: () => {
    const refusal = answers.shift();
    return refusal ? Promise.reject(new ConvexError(refusal)) : Promise.resolve({ created: true });
  },
} as unknown as ConvexLink;

const createRow = () =>
  new ConvexRow(
    jobId,
    { link, storage: new JobStorage("escriba"), userId: undefined, graceMs: 2_000 },
    { onRow: () => {}, onCreated: () => (created += 1), onSubject: () => {} },
  ).create("a.wav");

test("where too many rows were created in this minute, the page comes back later", async () => {
  answers = [{ code: "rate_limited", retryAfter: 0.01 }, { code: "rate_limited", retryAfter: 0.01 }, null];
  await createRow();
  expect([created, answers.length]).toEqual([1, 0]);
});

test("where the owner has too many rows, the page does not try again", async () => {
  answers = [{ code: "too_many_jobs" }, null];
  await createRow();
  expect([created, answers.length]).toEqual([0, 1]);
  expect(console.warn).toHaveBeenCalledOnce();
});
