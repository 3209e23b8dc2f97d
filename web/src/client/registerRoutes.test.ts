/** The route that the API posts to: every message, in many orders. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../example/convex/_generated/api";
import {
  type Convex,
  KEY,
  TOKEN,
  deployment,
  findRow,
  jobId,
  message,
  permutations,
  push,
  row,
  transcript,
} from "../../test/deployment";

let t: Convex;
beforeEach(async () => {
  t = deployment();
  await t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: TOKEN, userId: "ana", filename: "a.wav" });
});

/** The messages of one job from the queue to its end. */
const MESSAGES = [
  message({ seq: 1, status: "queued" }),
  message({
    seq: 2,
    status: "processing",
    stage: "transcribing",
    progress: 20,
    chunks: { done: 1, total: 5 },
    timestamps: { createdAt: 1_000, startedAt: 2_000, completedAt: null },
  }),
  message({
    seq: 3,
    status: "waiting",
    progress: 40,
    waitingUntil: 9_000,
    timestamps: { createdAt: 1_000, startedAt: 2_000, completedAt: null },
  }),
  message({
    seq: 4,
    status: "processing",
    progress: 60,
    timestamps: { createdAt: 1_000, startedAt: 2_000, completedAt: null },
  }),
  message({
    seq: 5,
    status: "completed",
    progress: 100,
    result: { text: "hola" },
    timestamps: { createdAt: 1_000, startedAt: 2_000, completedAt: 3_000 },
  }),
];

describe("the key and the job", () => {
  test("a push without the right key is 401, and 503 while the deployment has no key", async () => {
    for (const headers of [
      {},
      { authorization: "Bearer wrong" },
      { authorization: `Basic ${KEY}` },
      { authorization: `Bearer ${KEY}x` },
    ]) {
      expect(await push(t, message(), headers as Record<string, string>)).toMatchObject({
        http: 401,
        ok: false,
        error: { code: "unauthorized" },
      });
    }
    vi.stubEnv("ESCRIBA_API_KEY", "");
    expect(await push(t, message())).toMatchObject({ http: 503, error: { code: "not_configured" } });
    expect(await row(t)).toMatchObject({ seq: -1 });
  });

  test("a message that names another user is 403", async () => {
    expect(await push(t, message({ userId: "eve" }))).toMatchObject({ http: 403, error: { code: "user_mismatch" } });
    expect(await push(t, message({ userId: "ana" }))).toMatchObject({ http: 200, outcome: "applied" });
  });

  test("a job without a row is 404", async () => {
    expect(await push(t, message({ jobId: jobId(2) }))).toMatchObject({ http: 404, error: { code: "job_not_found" } });
  });
});

describe("a body that is no snapshot is 400 and names the wrong field", () => {
  test.each([
    ["{", "not JSON"],
    ["[]", "the body"],
    ["null", "the body"],
    [message({ jobId: "7" }), "jobId"],
    [message({ seq: -1 }), "seq"],
    [message({ seq: 1.5 }), "seq"],
    [message({ seq: undefined }), "seq"],
    [message({ run: 0 }), "run"],
    [message({ status: "done" }), "status"],
    [message({ status: "toString" }), "status"],
    [message({ progress: 101 }), "progress"],
    [message({ progress: "50" }), "progress"],
    [message({ progress: null }), "progress"],
    [message({ stage: 3 }), "stage"],
    [message({ userId: 3 }), "userId"],
    [message({ error: "boom" }), "error"],
    [message({ error: { code: "x" } }), "error.message"],
    [message({ error: { code: "x", message: "y", retryable: "no" } }), "error.retryable"],
    [message({ chunks: { total: 1 } }), "chunks.done"],
    [message({ waitingUntil: "soon" }), "waitingUntil"],
    [message({ timestamps: 5 }), "timestamps"],
    [message({ timestamps: { createdAt: "2026-01-01T00:00:00Z" } }), "timestamps.createdAt"],
  ])("%j", async (body, field) => {
    const answer = await push(t, body);
    expect(answer).toMatchObject({ http: 400, ok: false });
    expect(answer.error.message).toContain(field);
    expect(await row(t)).toMatchObject({ seq: -1 });
  });

  test("a body of over 16 MiB is 413", async () => {
    expect(await push(t, message({ result: "x".repeat(16 * 1024 * 1024) }))).toMatchObject({
      http: 413,
      error: { code: "too_large" },
    });
  });
});

describe("the row after a push", () => {
  test("equals the snapshot in every field", async () => {
    expect(await push(t, MESSAGES[1])).toEqual({
      http: 200,
      status: "processing",
      ok: true,
      outcome: "applied",
      seq: 2,
    });
    expect(await row(t)).toEqual({
      jobId: jobId(1),
      owner: expect.stringMatching(/^token:[0-9a-f]{64}$/),
      userId: "ana",
      filename: "a.wav",
      status: "processing",
      stage: "transcribing",
      progress: 20,
      run: 1,
      seq: 2,
      chunks: { done: 1, total: 5 },
      createdAt: 1_000,
      startedAt: 2_000,
    });
    await push(
      t,
      message({
        seq: 3,
        status: "failed",
        progress: 20,
        error: { code: "interrupted", message: "Tried 3 times.", hint: "Try again.", retryable: true },
      }),
    );
    expect(await row(t)).toMatchObject({
      status: "failed",
      error: { code: "interrupted", message: "Tried 3 times.", hint: "Try again.", retryable: true },
    });
    expect(await row(t)).not.toHaveProperty("chunks");
  });

  // That the rule itself holds for every order is shown in `job/jobVersion.test.ts`.
  test("is the same for many orders of five messages, each of them sent twice", async () => {
    for (const m of MESSAGES) await push(t, m);
    const end = await row(t);
    const text = { resultJson: '{"text":"hola"}' };
    expect(await transcript(t)).toEqual(text);
    expect(end).toMatchObject({
      status: "completed",
      seq: 5,
      progress: 100,
      startedAt: 2_000,
      completedAt: 3_000,
    });
    let n = 1;
    for (const order of [...permutations(MESSAGES)].filter((_, i) => i % 11 === 0)) {
      n += 1;
      await t.mutation(api.jobs.create, { jobId: jobId(n), ownerToken: TOKEN, userId: "ana", filename: "a.wav" });
      for (const m of order) expect((await push(t, { ...m, jobId: jobId(n) })).http).toBe(200);
      for (const m of order) expect((await push(t, { ...m, jobId: jobId(n) })).outcome).toMatch(/duplicate|stale/);
      expect({ ...(await row(t, jobId(n))), jobId: jobId(1) }).toEqual(end);
      expect(await transcript(t, jobId(n))).toEqual(text);
    }
    expect(n).toBe(12);
  });

  test("is unchanged by a repeated or an older message", async () => {
    await push(t, MESSAGES[4]);
    const before = await findRow(t);
    expect(await push(t, MESSAGES[4])).toMatchObject({ outcome: "duplicate", seq: 5 });
    expect(await push(t, MESSAGES[0])).toMatchObject({ outcome: "stale", seq: 5 });
    expect(await findRow(t)).toEqual(before);
  });

  test("keeps a transcript that the API has deleted, until a retry", async () => {
    await push(t, MESSAGES[4]);
    await push(t, message({ seq: 6, status: "completed", progress: 100, result: null }));
    expect(await row(t)).toMatchObject({ seq: 6 });
    expect(await transcript(t)).toEqual({ resultJson: '{"text":"hola"}' });
    await push(t, message({ seq: 7, run: 2, status: "queued" }));
    expect(await transcript(t)).toBeNull();
  });

  test("starts over with a retry, and ignores late messages of the first run", async () => {
    await push(
      t,
      message({ seq: 5, status: "failed", error: { code: "engine", message: "It failed.", retryable: true } }),
    );
    expect(await push(t, message({ seq: 6, run: 2, status: "queued" }))).toMatchObject({ outcome: "applied" });
    expect(await row(t)).not.toHaveProperty("error");
    expect(await push(t, message({ seq: 4, status: "processing" }))).toMatchObject({ outcome: "stale" });
    expect(await row(t)).toMatchObject({ status: "queued", run: 2, seq: 6 });
  });
});
