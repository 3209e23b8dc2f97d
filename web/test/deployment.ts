/// <reference types="vite/client" />
/** A deployment of the example with the component in convex-test, for each test anew, and what its tests send and read. */
import { type TestConvex, convexTest } from "convex-test";
import { vi } from "vitest";
import schema from "../example/convex/schema";
import type { MutationCtx } from "../src/component/_generated/server";
import { register } from "../src/test";

const modules = import.meta.glob(["../example/convex/**/*.ts", "../example/convex/_generated/*.js"]);
export const KEY = "a-key-for-tests";
export const TOKEN = "t".repeat(32);

export type Convex = TestConvex<typeof schema>;

/** @param jobs what `jobs.ts` exports, where it is not the example's */
export function deployment(jobs?: object): Convex {
  vi.stubEnv("ESCRIBA_API_KEY", KEY);
  const own: typeof modules = jobs ? { "../example/convex/jobs.ts": () => Promise.resolve(jobs) } : {};
  const t = convexTest(schema, { ...modules, ...own });
  register(t);
  return t;
}

/** What convex-test has and does not name in its types. */
type Component = {
  runInComponent<T>(component: string, handler: (ctx: MutationCtx) => Promise<T>): Promise<T>;
  fun(path: { componentPath: string; udfPath: string }, args: object): Promise<unknown>;
};

/** Reads and writes the component's own tables. */
export const inComponent = <T>(t: Convex, handler: (ctx: MutationCtx) => Promise<T>): Promise<T> =>
  (t as unknown as Component).runInComponent("escriba", handler);

/** Runs a function of the component, also an internal one. */
export const runInternal = (t: Convex, udfPath: string, args: object = {}): Promise<unknown> =>
  (t as unknown as Component).fun({ componentPath: "escriba", udfPath }, args);

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

export const findRow = (t: Convex, id = jobId(1)) =>
  inComponent(t, (ctx) =>
    ctx.db
      .query("jobs")
      .withIndex("by_jobId", (q) => q.eq("jobId", id))
      .unique(),
  );

/** The row without the fields that the deployment itself adds. */
export async function row(t: Convex, id = jobId(1)) {
  const found = await findRow(t, id);
  if (!found) return null;
  const { _id, _creationTime, updatedAt, checkAt, checks, ...rest } = found;
  return rest;
}

/** The document of a job's transcript, without the ids. */
export async function transcript(t: Convex, id = jobId(1)) {
  const found = await inComponent(t, (ctx) =>
    ctx.db
      .query("transcripts")
      .withIndex("by_jobId", (q) => q.eq("jobId", id))
      .unique(),
  );
  return found && { resultJson: found.resultJson, resultStorageId: found.resultStorageId };
}

export const permutations = <T>(items: T[]): T[][] =>
  items.length < 2
    ? [items]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
