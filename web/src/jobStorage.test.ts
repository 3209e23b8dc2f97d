import { beforeEach, expect, test, vi } from "vitest";
import { MemoryStorage } from "../test/memory-storage";
import { JobStorage, type StoredJob } from "./jobStorage";

let storage: MemoryStorage;
beforeEach(() => vi.stubGlobal("localStorage", (storage = new MemoryStorage())));

const job = (jobId: string, fields: Partial<StoredJob> = {}): StoredJob => ({
  jobId,
  options: {},
  filename: null,
  sizeBytes: null,
  createdAt: 0,
  accepted: false,
  sent: false,
  sendingAt: 0,
  ended: false,
  websocketUrl: null,
  ...fields,
});
const ids = (kept: JobStorage) => kept.jobs().map(({ jobId }) => jobId);

test("what no longer fits in the storage is remembered by this page, and stored when there is room again", () => {
  const kept = new JobStorage("escriba");
  kept.put(job("1"));
  storage.isFull = true;
  kept.put(job("2", { createdAt: 2 }));
  expect(ids(kept)).toEqual(["2", "1"]);
  storage.isFull = false;
  kept.put(job("3", { createdAt: 3 }));
  expect(ids(new JobStorage("escriba"))).toEqual(["3", "2", "1"]);
});

test("what another tab has written is read, once this page has written all of its own", () => {
  const [mine, other] = [new JobStorage("escriba"), new JobStorage("escriba")];
  mine.put(job("1"));
  other.put(job("2", { createdAt: 2 }));
  expect(ids(mine)).toEqual(["2", "1"]);
});

test("of many jobs the oldest that have ended are forgotten, and none that goes on", () => {
  const kept = new JobStorage("escriba");
  kept.put(job("runs", { createdAt: 0 }));
  kept.put(job("ended", { createdAt: 1, ended: true }));
  for (let i = 2; i < 60; i += 1) kept.put(job(String(i), { createdAt: i, ended: true }));
  expect(ids(kept)).toHaveLength(51);
  expect(ids(kept)).toContain("runs");
  expect(ids(kept)).not.toContain("ended");
});
