/** What a page may do through the functions that the example exposes. */
import { componentsGeneric } from "convex/server";
import type { ConvexError } from "convex/values";
import { beforeEach, describe, expect, test } from "vitest";
import { api } from "../../example/convex/_generated/api";
import {
  type Convex,
  TOKEN,
  deployment,
  findRow,
  inComponent,
  jobId,
  message,
  push,
  row,
  runInternal,
} from "../../test/deployment";
import type { ComponentApi } from "../component/_generated/component.js";
import { exposeApi } from "./exposeApi";

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

describe("an app's own rules", () => {
  const component = componentsGeneric().escriba as unknown as ComponentApi;

  test("its `auth` says who owns a row, in the place of ctx.auth", async () => {
    let user: string | null = "u1";
    const own = deployment(exposeApi(component, { auth: () => Promise.resolve(user) }));
    const visitor = own.withIdentity({ subject: "ana", issuer: "https://id.example" });
    await visitor.mutation(api.jobs.create, { jobId: jobId(1) });
    expect(await row(own)).toMatchObject({ owner: "user:u1" });
    user = "u2";
    expect(await visitor.query(api.jobs.get, { jobId: jobId(1) })).toBeNull();
    user = null;
    expect(await codeOf(visitor.mutation(api.jobs.create, { jobId: jobId(2) }))).toBe("not_signed_in");
  });

  test("without anonymous jobs a token opens nothing until somebody signs in", async () => {
    const own = deployment(exposeApi(component, { anonymous: false }));
    expect(await codeOf(own.mutation(api.jobs.create, mine))).toBe("not_signed_in");
    await own.withIdentity({ subject: "ana" }).mutation(api.jobs.create, mine);
    expect(await own.query(api.jobs.get, mine)).toBeNull();
    expect(await own.query(api.jobs.list, { ownerToken: TOKEN })).toEqual([]);
    expect(await own.mutation(api.jobs.remove, mine)).toBe(false);
  });

  test("its limits replace the defaults one by one", async () => {
    const own = deployment(exposeApi(component, { limits: { rows: 1 } }));
    await own.mutation(api.jobs.create, mine);
    expect(await codeOf(own.mutation(api.jobs.create, { ...mine, jobId: jobId(2) }))).toBe("too_many_jobs");
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

test("an active job can be removed: later snapshots are 404, and nobody asks the API about it", async () => {
  await t.mutation(api.jobs.create, mine);
  await push(t, message({ seq: 2, status: "processing" }));
  expect(await t.mutation(api.jobs.remove, mine)).toBe(true);
  expect(await t.query(api.jobs.list, { ownerToken: TOKEN })).toEqual([]);
  expect(await push(t, message({ seq: 3, status: "cancelled" }))).toMatchObject({ http: 404 });
  expect(await inComponent(t, (ctx) => ctx.db.query("jobs").collect())).toEqual([]);
});

test("rows are bounded for each owner; a removal makes room for another, but not sooner", async () => {
  const limits = { rows: 2, perMinute: 3, anonymousPerMinute: 100 };
  const create = (n: number, owner = "user:ana") =>
    codeOf(runInternal(t, "jobs:create", { jobId: jobId(n), owners: [owner], isAnonymous: false, limits }));
  expect([await create(1), await create(2), await create(3)]).toEqual(["done", "done", "too_many_jobs"]);
  expect(await create(2)).toBe("done"); // it exists: nothing is created
  await runInternal(t, "jobs:remove", { jobId: jobId(1), owners: ["user:ana"] });
  expect([await create(3), await create(4)]).toEqual(["done", "too_many_jobs"]);
  await runInternal(t, "jobs:remove", { jobId: jobId(2), owners: ["user:ana"] });
  expect(await create(5)).toBe("rate_limited"); // three in this minute
  expect(await create(5, "user:eve")).toBe("done");
});

test("browsers without sign-in have one more bound together, because each can be a new owner", async () => {
  const limits = { rows: 2, perMinute: 2, anonymousPerMinute: 2 };
  const create = (n: number) =>
    codeOf(runInternal(t, "jobs:create", { jobId: jobId(n), owners: [`token:${n}`], isAnonymous: true, limits }));
  expect([await create(1), await create(2), await create(3)]).toEqual(["done", "done", "rate_limited"]);
  expect(await findRow(t, jobId(3))).toBeNull();
});

describe("a row without an owner", () => {
  const ana = () => t.withIdentity({ subject: "ana", issuer: "https://id.example" });
  const insert = (fields: { owner?: string; userId?: string }) =>
    inComponent(t, async (ctx) => {
      const state = {
        status: "completed",
        progress: 100,
        run: 1,
        seq: 3,
        createdAt: 1,
        updatedAt: 1,
        checks: 0,
      } as const;
      await ctx.db.insert("jobs", { jobId: jobId(1), ...state, ...fields });
    });

  test("that names a user is nobody's who knows its id, with a token or signed in as somebody else", async () => {
    await insert({ userId: "ana" });
    expect(await codeOf(t.mutation(api.jobs.create, { ...mine, userId: "ana" }))).toBe("forbidden");
    expect(await codeOf(t.withIdentity({ subject: "eve" }).mutation(api.jobs.create, mine))).toBe("forbidden");
    expect(await t.query(api.jobs.get, mine)).toBeNull();
  });

  test("that an import gave to its user opens to that user's sign-in alone", async () => {
    await insert({ owner: "userId:ana", userId: "ana" });
    expect(await codeOf(t.mutation(api.jobs.create, { ...mine, userId: "ana" }))).toBe("forbidden");
    expect(await codeOf(t.withIdentity({ subject: "eve" }).mutation(api.jobs.create, mine))).toBe("forbidden");
    expect(await ana().query(api.jobs.get, { jobId: jobId(1) })).toMatchObject({ status: "completed" });
    expect(await codeOf(ana().mutation(api.jobs.create, mine))).toBe("done");
  });

  test("nor a user becomes the first caller's who knows its id", async () => {
    await insert({});
    await ana().mutation(api.jobs.create, { jobId: jobId(1) });
    expect(await codeOf(t.mutation(api.jobs.create, mine))).toBe("forbidden");
  });
});
