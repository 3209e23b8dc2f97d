import { convexTest } from "convex-test";
import { defineSchema, defineTable } from "convex/server";
import { ConvexError, v } from "convex/values";
import { beforeEach, describe, expect, test } from "vitest";
import { api, internal } from "./_generated/api";
import { transcriptionJob, transcriptionResult } from "./schema";
import { type Convex, TOKEN, deployment, jobId, message, modules, push, row } from "./test.setup";

let t: Convex;
beforeEach(() => {
  t = deployment();
});

const mine = { jobId: jobId(1), ownerToken: TOKEN };
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "done",
    (error) => (error as ConvexError<{ code: string }>).data.code,
  );

describe("access", () => {
  test("by owner token: the row holds only its hash, and another token sees nothing", async () => {
    await t.mutation(api.jobs.create, { ...mine, userId: "ana" });
    expect(JSON.stringify(await row(t))).not.toContain(TOKEN);
    expect(await t.query(api.jobs.get, mine)).toMatchObject({
      status: "pending",
      seq: -1,
      run: 1,
      cancelRequested: false,
    });
    const other = { jobId: jobId(1), ownerToken: "o".repeat(32) };
    expect(await t.query(api.jobs.get, other)).toBeNull();
    expect(await t.query(api.jobs.list, { ownerToken: other.ownerToken })).toEqual([]);
    expect(await codeOf(t.mutation(api.jobs.cancel, other))).toBe("job_not_found");
    expect(await codeOf(t.mutation(api.jobs.create, other))).toBe("forbidden");
    expect(await t.mutation(api.jobs.remove, other)).toBe(false);
  });

  test("by sign-in without a token: the same subject of another issuer sees nothing", async () => {
    const ana = t.withIdentity({ subject: "ana", issuer: "https://id.example" });
    await ana.mutation(api.jobs.create, { jobId: jobId(1) });
    expect(await ana.query(api.jobs.get, { jobId: jobId(1) })).toMatchObject({ status: "pending" });
    expect(await ana.query(api.jobs.list, {})).toHaveLength(1);
    expect(
      await t
        .withIdentity({ subject: "ana", issuer: "https://other.example" })
        .query(api.jobs.get, { jobId: jobId(1) }),
    ).toBeNull();
    expect(await t.query(api.jobs.get, { jobId: jobId(1) })).toBeNull();
  });

  test("not by a bare userId: a row of another owner that carries the user's id is not in the user's list", async () => {
    await t.mutation(api.jobs.create, { ...mine, userId: "ana" });
    const ana = t.withIdentity({ subject: "ana" });
    expect(await ana.query(api.jobs.get, { jobId: jobId(1) })).toBeNull();
    expect(await ana.query(api.jobs.list, {})).toEqual([]);
  });

  test("without sign-in and token no row can be created, nor with a short token, nor with a jobId that is no UUID", async () => {
    expect(await codeOf(t.mutation(api.jobs.create, { jobId: jobId(1), userId: "ana" }))).toBe("not_signed_in");
    expect(await codeOf(t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: "ana" }))).toBe("invalid_argument");
    expect(await codeOf(t.mutation(api.jobs.create, { jobId: "1", ownerToken: TOKEN }))).toBe("invalid_argument");
  });
});

test("creating a job twice creates one row", async () => {
  expect(await t.mutation(api.jobs.create, mine)).toEqual({ created: true });
  expect(await t.mutation(api.jobs.create, mine)).toEqual({ created: false });
  expect(await t.query(api.jobs.list, { ownerToken: TOKEN })).toHaveLength(1);
});

test("the list holds the newest jobs first, without transcripts, and at most `limit` of them", async () => {
  for (const n of [1, 2, 3]) {
    await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN });
    await push(
      t,
      message({ jobId: jobId(n), status: "completed", result: { text: "hola" }, timestamps: { createdAt: n } }),
    );
  }
  const list = await t.query(api.jobs.list, { ownerToken: TOKEN, limit: 2 });
  expect(list.map((job) => job.jobId)).toEqual([jobId(3), jobId(2)]);
  expect(JSON.stringify(list)).not.toContain("hola");
});

describe("cancelling", () => {
  beforeEach(() => t.mutation(api.jobs.create, mine));

  test("marks the row at once, and the next snapshot of the API ends the job", async () => {
    await push(t, message({ seq: 2, status: "processing" }));
    expect(await t.mutation(api.jobs.cancel, mine)).toEqual({ outcome: "requested" });
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "processing", cancelRequested: true });
    await push(t, message({ seq: 3, status: "cancelled" }));
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "cancelled", cancelRequested: false });
  });

  test("before or after a completed snapshot leaves the row completed", async () => {
    const done = message({ seq: 3, status: "completed", progress: 100, result: { text: "hola" } });
    await t.mutation(api.jobs.cancel, mine);
    await push(t, done);
    const cancelFirst = await row(t);
    await t.mutation(api.jobs.create, { jobId: jobId(2), ownerToken: TOKEN });
    await push(t, { ...done, jobId: jobId(2) });
    expect(await t.mutation(api.jobs.cancel, { ...mine, jobId: jobId(2) })).toEqual({ outcome: "ended" });
    expect({ ...(await row(t, jobId(2))), jobId: jobId(1) }).toEqual(cancelFirst);
    expect(cancelFirst).toMatchObject({ status: "completed" });
  });

  test("of a job that is unknown to the API ends the row at once, until a snapshot of the API comes after all", async () => {
    expect(await t.mutation(api.jobs.cancel, { ...mine, unknownToApi: true })).toEqual({ outcome: "cancelled" });
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "cancelled", presumed: true });
    await push(t, message({ seq: 0, status: "pending" }));
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "pending", presumed: false });
  });

  test("does not carry over to the next run", async () => {
    await t.mutation(api.jobs.cancel, mine);
    await push(t, message({ seq: 3, status: "cancelled" }));
    await push(t, message({ seq: 4, run: 2, status: "queued" }));
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "queued", cancelRequested: false });
  });

  test("of an earlier run does not cancel the current one", async () => {
    await push(t, message({ seq: 3, run: 2, status: "queued" }));
    expect(await t.mutation(api.jobs.cancel, { ...mine, run: 1 })).toEqual({ outcome: "ended" });
    expect(await t.mutation(api.jobs.cancel, { ...mine, run: 1, unknownToApi: true })).toEqual({ outcome: "ended" });
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "queued", cancelRequested: false });
    expect(await t.mutation(api.jobs.cancel, { ...mine, run: 2 })).toEqual({ outcome: "requested" });
  });
});

test("an active job can be removed: later snapshots are 404, and reconciliation does not check it", async () => {
  await t.mutation(api.jobs.create, mine);
  await push(t, message({ seq: 2, status: "processing" }));
  expect(await t.mutation(api.jobs.remove, mine)).toBe(true);
  expect(await t.query(api.jobs.list, { ownerToken: TOKEN })).toEqual([]);
  expect(await push(t, message({ seq: 3, status: "cancelled" }))).toMatchObject({ http: 404 });
  expect(await t.mutation(internal.reconcile.start, { quietMs: -1 })).toBe(0);
});

describe("a table from before this schema", () => {
  const older = defineSchema({
    transcriptionJobs: defineTable({ ...transcriptionJob, folder: v.optional(v.string()), result: v.optional(v.any()) })
      .index("by_jobId", ["jobId"])
      .index("by_owner", ["owner", "createdAt"])
      .index("by_userId", ["userId", "createdAt"])
      .index("by_status", ["status", "updatedAt"])
      .index("by_cancelRequestedAt", ["cancelRequestedAt"]),
    transcriptionResults: defineTable(transcriptionResult).index("by_jobId", ["jobId"]),
  });

  test("a row without seq takes the first snapshot whatever its status is, and keeps its other fields", async () => {
    const old = convexTest(older, modules);
    await old.run(async (ctx) => {
      await ctx.db.insert("transcriptionJobs", {
        jobId: jobId(1),
        userId: "ana",
        status: "failed",
        error: "timed out",
        folder: "work",
        result: { old: [1] },
      });
    });
    const ana = old.withIdentity({ subject: "ana" });
    expect(await ana.query(api.jobs.get, { jobId: jobId(1) })).toMatchObject({
      status: "failed",
      error: { code: "unknown", message: "timed out" },
      seq: -1,
    });
    expect(await ana.query(api.jobs.list, {})).toHaveLength(1);
    expect(
      await push(
        old as unknown as Convex,
        message({ seq: 2, status: "completed", progress: 100, result: { text: "hola" } }),
      ),
    ).toMatchObject({ outcome: "applied" });
    expect(await row(old as unknown as Convex)).toMatchObject({
      status: "completed",
      seq: 2,
      folder: "work",
      result: { old: [1] },
      userId: "ana",
    });
    expect(await ana.query(api.jobs.get, { jobId: jobId(1) })).toMatchObject({
      status: "completed",
      error: null,
      resultJson: '{"text":"hola"}',
    });
  });

  const insertOldRow = (fields: { userId?: string } = {}) =>
    t.run(
      async (ctx) =>
        void (await ctx.db.insert("transcriptionJobs", { jobId: jobId(1), status: "processing", ...fields })),
    );

  test("a row without an owner and without a userId goes to the first caller that names its jobId, and to no other", async () => {
    await insertOldRow();
    expect(await t.query(api.jobs.get, mine)).toBeNull();
    expect(await t.mutation(api.jobs.create, mine)).toEqual({ created: false });
    expect(await t.query(api.jobs.get, mine)).toMatchObject({ status: "processing" });
    expect(await codeOf(t.mutation(api.jobs.create, { ...mine, ownerToken: "o".repeat(32) }))).toBe("forbidden");
  });

  test("a row that names a user opens to that user's sign-in alone", async () => {
    await insertOldRow({ userId: "ana" });
    expect(await codeOf(t.mutation(api.jobs.create, mine))).toBe("forbidden");
    expect(await t.query(api.jobs.get, mine)).toBeNull();
    const eve = t.withIdentity({ subject: "eve" });
    expect(await codeOf(eve.mutation(api.jobs.create, { jobId: jobId(1) }))).toBe("forbidden");
    expect(await codeOf(eve.mutation(api.jobs.create, mine))).toBe("forbidden");
    expect(await row(t)).not.toHaveProperty("owner");
    const ana = t.withIdentity({ subject: "ana" });
    expect(await ana.mutation(api.jobs.create, { jobId: jobId(1) })).toEqual({ created: false });
  });
});
