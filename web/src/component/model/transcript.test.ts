/** Where a transcript is stored, and that no file is left behind. */
import type { StorageActionWriter } from "convex/server";
import { beforeEach, describe, expect, test } from "vitest";
import { api } from "../../../example/convex/_generated/api";
import {
  type Convex,
  TOKEN,
  deployment,
  inComponent,
  jobId,
  message,
  push,
  row,
  runInternal,
  transcript,
} from "../../../test/deployment";

let t: Convex;
beforeEach(async () => {
  t = deployment();
  await t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: TOKEN });
});

const files = () => inComponent(t, (ctx) => ctx.db.system.query("_storage").collect());

test("a transcript has a document of its own, which is deleted with the row", async () => {
  await push(t, message({ seq: 5, status: "completed", result: { text: "hola" } }));
  await push(t, message({ seq: 6, status: "completed", result: { text: "adiós" } }));
  expect(await row(t)).not.toHaveProperty("resultJson");
  expect(await t.query(api.jobs.get, { jobId: jobId(1), ownerToken: TOKEN })).toMatchObject({
    resultJson: '{"text":"adiós"}',
    resultUrl: null,
  });
  await t.mutation(api.jobs.remove, { jobId: jobId(1), ownerToken: TOKEN });
  expect(await transcript(t)).toBeNull();
});

describe("a large transcript", () => {
  const large = { words: Array.from({ length: 30_000 }, (_, i) => ({ word: `palabra${i}`, start: i, end: i + 1 })) };

  test("is stored in one file, whose address returns it", async () => {
    await push(t, message({ seq: 5, status: "completed", result: large }));
    await push(t, message({ seq: 5, status: "completed", result: large }));
    await push(t, message({ seq: 4, status: "completed", result: large }));
    expect(await files()).toHaveLength(1);
    const { resultJson, resultStorageId: id } = (await transcript(t))!;
    expect(resultJson).toBeUndefined();
    const text = await inComponent(t, async (ctx) => {
      const { storage } = ctx as unknown as { storage: StorageActionWriter };
      return await (await storage.get(id!))!.text();
    });
    expect(JSON.parse(text)).toEqual(large);
    expect(await t.query(api.jobs.get, { jobId: jobId(1), ownerToken: TOKEN })).toMatchObject({
      resultJson: null,
      resultUrl: expect.stringMatching(/^https?:/),
    });
  });

  test("leaves no file behind when it is replaced or removed", async () => {
    await push(t, message({ seq: 5, status: "completed", result: large }));
    await push(t, message({ seq: 6, status: "completed", result: { text: "deleted" } }));
    expect(await files()).toHaveLength(0);
    await push(t, message({ seq: 7, status: "completed", result: large }));
    expect(await t.mutation(api.jobs.remove, { jobId: jobId(1), ownerToken: TOKEN })).toBe(true);
    expect(await files()).toHaveLength(0);
    expect(await row(t)).toBeNull();
  });

  test("leaves no file behind when the mutation throws", async () => {
    await inComponent(t, async (ctx) => {
      const { _id, _creationTime, ...same } = (await ctx.db.query("jobs").first())!;
      await ctx.db.insert("jobs", same); // two rows with one jobId: the mutation throws
    });
    await expect(push(t, message({ seq: 5, status: "completed", result: large }))).rejects.toThrow("unique");
    expect(await files()).toHaveLength(0);
  });

  test("keeps the file of a snapshot that was applied although its answer was lost", async () => {
    await push(t, message({ seq: 5, status: "completed", result: large }));
    const { resultStorageId } = (await transcript(t))!;
    await runInternal(t, "snapshots:discardFile", { jobId: jobId(1), resultStorageId });
    expect(await files()).toHaveLength(1);
  });
});
