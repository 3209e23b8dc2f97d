import { beforeEach, expect, test, vi } from "vitest";
import { MemoryStorage } from "../../test/memory-storage";
import { JobStorage, type StoredJob } from "./jobStorage";

let memory: MemoryStorage;
beforeEach(() => vi.stubGlobal("localStorage", (memory = new MemoryStorage())));

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
const ids = (storage: JobStorage) => storage.jobs().map(({ jobId }) => jobId);

test("a job that a full localStorage refuses stays in memory, and is stored when there is room again", () => {
  const storage = new JobStorage("escriba");
  storage.put(job("1"));
  memory.isFull = true;
  storage.put(job("2", { createdAt: 2 }));
  expect(ids(storage)).toEqual(["2", "1"]);
  memory.isFull = false;
  storage.put(job("3", { createdAt: 3 }));
  expect(ids(new JobStorage("escriba"))).toEqual(["3", "2", "1"]);
});

test("a job that another tab has stored is read", () => {
  const [mine, other] = [new JobStorage("escriba"), new JobStorage("escriba")];
  mine.put(job("1"));
  other.put(job("2", { createdAt: 2 }));
  expect(ids(mine)).toEqual(["2", "1"]);
});

test("a browser makes one owner token and keeps it, or that of another browser of its person", () => {
  const storage = new JobStorage("escriba");
  const made = storage.ownerToken;
  expect(made).toMatch(/^[0-9a-f]{64}$/);
  expect(new JobStorage("escriba").ownerToken).toBe(made);
  storage.ownerToken = "f".repeat(64);
  expect(new JobStorage("escriba").ownerToken).toBe("f".repeat(64));
});

test("of more than fifty jobs the oldest that have ended are deleted, and none that is active", () => {
  const storage = new JobStorage("escriba");
  storage.put(job("active", { createdAt: 0 }));
  storage.put(job("ended", { createdAt: 1, ended: true }));
  for (let i = 2; i < 60; i += 1) storage.put(job(String(i), { createdAt: i, ended: true }));
  expect(ids(storage)).toHaveLength(51);
  expect(ids(storage)).toContain("active");
  expect(ids(storage)).not.toContain("ended");
});
