/// <reference types="vite/client" />
/** A deployment of these functions in convex-test, for each test anew, and what its tests send and read. */
import { convexTest } from "convex-test";
import { vi } from "vitest";
import type { TestConvex } from "convex-test";
import schema from "./schema";

export const modules = import.meta.glob(["./**/*.ts", "./_generated/*.js", "!./**/*.test.ts", "!./test.setup.ts"]);
export const KEY = "a-key-for-tests";
export const TOKEN = "t".repeat(32);

export type Convex = TestConvex<typeof schema>;

export function deployment(): Convex {
  vi.stubEnv("ESCRIBA_API_KEY", KEY);
  return convexTest(schema, modules);
}

export const jobId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** The body of a push of the API. A test spells out only the fields that it is about. */
export const message = (fields: object = {}) => ({
  jobId: jobId(1),
  seq: 1,
  status: "queued",
  stage: null,
  progress: 0,
  result: null,
  error: null,
  timestamps: { createdAt: 1_000, startedAt: null, completedAt: null },
  ...fields,
});

export async function push(
  t: Convex,
  body: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${KEY}` },
) {
  const response = await t.fetch("/transcription-jobs", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { http: response.status, ...(await response.json()) };
}

/** The row without the fields that the deployment itself adds. */
export async function row(t: Convex, id = jobId(1)) {
  const found = await t.run((ctx) =>
    ctx.db
      .query("transcriptionJobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", id))
      .unique(),
  );
  if (!found) return null;
  const { _id, _creationTime, updatedAt, ...rest } = found;
  return rest;
}

/** The document of a job's transcript, without the ids. */
export async function transcript(t: Convex, id = jobId(1)) {
  const found = await t.run((ctx) =>
    ctx.db
      .query("transcriptionResults")
      .withIndex("by_jobId", (q) => q.eq("jobId", id))
      .unique(),
  );
  return found && { resultJson: found.resultJson, resultStorageId: found.resultStorageId };
}

export const permutations = <T>(items: T[]): T[][] =>
  items.length < 2
    ? [items]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
