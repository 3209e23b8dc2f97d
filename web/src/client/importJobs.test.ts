/// <reference types="vite/client" />
/** An app with its own `transcriptionJobs`, in the shapes of the past, moves its rows into the component. */
import { type TestConvex, convexTest } from "convex-test";
import { componentsGeneric, defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Convex, TOKEN, jobId, row, runInternal, transcript } from "../../test/deployment";
import { transcriptionJob, transcriptionResult } from "../../test/copied/convex/schema";
import type { ComponentApi } from "../component/_generated/component.js";
import { register } from "../test";
import { exposeApi } from "./exposeApi";
import { importJobs } from "./importJobs";
import type { Corrections, OldRow } from "./importedJob";

// The table has fields of the app, and rows from before Escriba.
const oldRow = { ...transcriptionJob, status: v.string(), folder: v.optional(v.string()), result: v.optional(v.any()) };
const schema = defineSchema({
  transcriptionJobs: defineTable(oldRow)
    .index("by_jobId", ["jobId"])
    .index("by_owner", ["owner", "createdAt"])
    .index("by_userId", ["userId", "createdAt"])
    .index("by_status", ["status", "updatedAt"])
    .index("by_cancelRequestedAt", ["cancelRequestedAt"]),
  transcriptionResults: defineTable(transcriptionResult).index("by_jobId", ["jobId"]),
});
const copied = import.meta.glob(["../../test/copied/convex/**/*.ts", "../../test/copied/convex/_generated/*.js"]);
const component = componentsGeneric().escriba as unknown as ComponentApi;

let t: TestConvex<typeof schema>;
let correct: (row: OldRow) => Corrections | null;

beforeEach(() => {
  correct = ({ status, result }) => ({
    ...(status === "done" ? { status: "completed" } : {}),
    ...(result ? { resultJson: JSON.stringify(result) } : {}),
  });
  const imports = importJobs(component, {
    ...{ module: "importJobs", results: "transcriptionResults" },
    correct: (row) => correct(row),
  });
  const folder = "../../test/copied/convex";
  const modules = {
    ...copied,
    [`${folder}/importJobs.ts`]: () => Promise.resolve(imports),
    [`${folder}/newJobs.ts`]: () => Promise.resolve(exposeApi(component)),
  };
  t = convexTest(schema, modules);
  register(t as never);
});

/** Runs a function of the app; convex-test does not name this method in its types. */
const fun = (udfPath: string, args: object, as: object = t) =>
  (as as { fun(path: object, args: object): Promise<Record<string, unknown>> }).fun(
    { componentPath: "", udfPath },
    args,
  );
const inNew = () => t as unknown as Convex;
const insert = (rows: Array<{ jobId: string; status: string } & Record<string, unknown>>) =>
  t.run(async (ctx) => {
    for (const row of rows) await ctx.db.insert("transcriptionJobs", row);
  });
const run = () => fun("importJobs:run", {});
const call = (name: string, args: object, subject?: string) =>
  fun(`newJobs:${name}`, args, subject ? t.withIdentity({ subject, issuer: "https://id.example" }) : t);

describe("the rows of an app", () => {
  test("that a browser's copied functions made keep their owner, state and transcript", async () => {
    const resultStorageId = await t.run((ctx) => ctx.storage.store(new Blob(['{"text":"long"}'])));
    await fun("jobs:create", { jobId: jobId(1), ownerToken: TOKEN, filename: "a.wav" });
    await fun("jobs:create", { jobId: jobId(2), ownerToken: TOKEN });
    const state = { run: 1, seq: 5, stage: null, chunks: null, waitingUntil: null, error: null, progress: 100 };
    const times = { createdAt: 1_000, startedAt: 2_000, completedAt: 3_000 };
    const end = { status: "completed", ...state, ...times };
    await fun("apply:snapshot", { jobId: jobId(1), ...end, resultJson: '{"text":"hola"}' });
    await fun("apply:snapshot", { jobId: jobId(2), ...end, resultStorageId });
    expect(await run()).toEqual({ isDone: true, imported: 2, known: 0 });
    expect(await call("get", { jobId: jobId(1), ownerToken: TOKEN })).toMatchObject({
      ...{ status: "completed", seq: 5, filename: "a.wav", progress: 100, ...times },
      resultJson: '{"text":"hola"}',
    });
    expect(await call("get", { jobId: jobId(2), ownerToken: TOKEN })).toMatchObject({ resultUrl: expect.any(String) });
  });

  test("from before Escriba are read as they are, and corrected where they say something else", async () => {
    const large = { text: "palabra ".repeat(50_000) };
    await insert([
      { jobId: jobId(1), status: "done", userId: "ana", folder: "work", result: { text: "hola" } },
      { jobId: jobId(2), status: "failed", userId: "ana", error: "timed out" },
      { jobId: jobId(3), status: "completed", userId: "ana", result: large },
      { jobId: jobId(4), status: "processing" },
    ]);
    expect(await run()).toEqual({ isDone: true, imported: 4, known: 0 });
    expect(await call("get", { jobId: jobId(1) }, "ana")).toMatchObject({
      status: "completed",
      resultJson: '{"text":"hola"}',
    });
    expect(await call("get", { jobId: jobId(1) }, "eve")).toBeNull();
    expect(await call("get", { jobId: jobId(2) }, "ana")).toMatchObject({
      error: { code: "unknown", message: "timed out" },
    });
    expect(await call("get", { jobId: jobId(3) }, "ana")).toMatchObject({ resultUrl: expect.any(String) });
    expect(await call("list", {}, "ana")).toHaveLength(3);
    // A row that names nobody goes to the first caller that knows its id.
    await call("create", { jobId: jobId(4), ownerToken: TOKEN });
    expect(await call("get", { jobId: jobId(4), ownerToken: TOKEN })).toMatchObject({ status: "processing" });
    await expect(call("create", { jobId: jobId(4), ownerToken: "o".repeat(32) })).rejects.toThrow("another owner");
  });

  test("that cannot be imported are named, and the others are imported", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await insert([
      { jobId: jobId(1), status: "running" },
      { jobId: jobId(2), status: "queued" },
    ]);
    expect(await run()).toEqual({ isDone: true, imported: 1, known: 0 });
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/is not imported: status must be one of/));
  });
});

describe("an import", () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({ jobId: jobId(from + i), status: "completed", userId: "ana" }));

  test("that fails midway goes on where it stopped", async () => {
    await insert(rows(1, 25));
    correct = (row) => {
      if (row.jobId === jobId(17)) throw new Error("the deployment was interrupted");
      return {};
    };
    await expect(run()).rejects.toThrow("interrupted");
    expect(await call("list", {}, "ana")).toHaveLength(10);
    const seen: unknown[] = [];
    correct = (row) => (seen.push(row.jobId), {});
    expect(await run()).toEqual({ isDone: true, imported: 25, known: 0 });
    expect(seen).toEqual(rows(11, 25).map((row) => row.jobId));
    expect(await call("list", {}, "ana")).toHaveLength(25);
  });

  test("may be repeated: it brings new rows and newer states, and never an older one", async () => {
    await insert([{ jobId: jobId(1), status: "processing", seq: 2, run: 1 }, ...rows(2, 3)]);
    expect(await run()).toEqual({ isDone: true, imported: 3, known: 0 });
    await t.run(async (ctx) => {
      const [first] = await ctx.db.query("transcriptionJobs").collect();
      await ctx.db.patch("transcriptionJobs", first!._id, {
        status: "completed",
        seq: 3,
        resultJson: '{"text":"end"}',
      });
    });
    await insert(rows(4, 4));
    expect(await run()).toEqual({ isDone: true, imported: 1, known: 3 });
    expect(await row(inNew())).toMatchObject({ status: "completed", seq: 3 });
    expect(await transcript(inNew())).toEqual({ resultJson: '{"text":"end"}' });
    const snapshot = { jobId: jobId(1), run: 2, seq: 9, status: "queued", stage: null, progress: 0, chunks: null };
    const times = { waitingUntil: null, error: null, createdAt: 1, startedAt: null, completedAt: null };
    await runInternal(inNew(), "snapshots:apply", { snapshot: { ...snapshot, ...times } });
    expect(await run()).toEqual({ isDone: true, imported: 0, known: 4 });
    expect(await row(inNew())).toMatchObject({ status: "queued", run: 2, seq: 9 });
  });
});
