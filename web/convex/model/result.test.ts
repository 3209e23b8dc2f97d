import { beforeEach, describe, expect, test } from "vitest";
import { api, internal } from "../_generated/api";
import { type Convex, TOKEN, deployment, jobId, message, push, row, transcript } from "../test.setup";

let t: Convex;
beforeEach(async () => {
  t = deployment();
  await t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: TOKEN });
});

const files = () => t.run((ctx) => ctx.db.system.query("_storage").collect());

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

test("an old row that holds its transcript itself keeps it until a retry", async () => {
  await push(t, message({ seq: 5, status: "completed" }));
  const editRow = (fields: object) =>
    t.run(async (ctx) => {
      const { _id } = (await ctx.db.query("transcriptionJobs").first())!;
      await ctx.db.patch("transcriptionJobs", _id, fields);
    });
  const job = () => t.query(api.jobs.get, { jobId: jobId(1), ownerToken: TOKEN });
  await editRow({ resultJson: '{"text":"hola"}' });
  await push(t, message({ seq: 6, status: "completed" }));
  expect(await job()).toMatchObject({ seq: 6, resultJson: '{"text":"hola"}' });
  const resultStorageId = await t.run((ctx) => ctx.storage.store(new Blob(["{}"])));
  await editRow({ resultJson: undefined, resultStorageId });
  expect(await job()).toMatchObject({ resultJson: null, resultUrl: expect.stringMatching(/^https?:/) });
  await push(t, message({ seq: 7, run: 2, status: "queued" }));
  expect(await job()).toMatchObject({ resultJson: null, resultUrl: null });
  expect(await row(t)).not.toHaveProperty("resultStorageId");
  expect(await files()).toEqual([]);
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
    const text = await t.action(async (ctx) => await (await ctx.storage.get(id!))!.text());
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
    await t.run(async (ctx) => {
      const { _id, _creationTime, ...same } = (await ctx.db.query("transcriptionJobs").first())!;
      await ctx.db.insert("transcriptionJobs", same); // two rows with one jobId: the mutation throws
    });
    await expect(push(t, message({ seq: 5, status: "completed", result: large }))).rejects.toThrow("unique");
    expect(await files()).toHaveLength(0);
  });

  test("keeps the file of a snapshot that was applied although its answer was lost", async () => {
    await push(t, message({ seq: 5, status: "completed", result: large }));
    const { resultStorageId } = (await transcript(t))!;
    await t.mutation(internal.apply.discardFile, { jobId: jobId(1), resultStorageId: resultStorageId! });
    expect(await files()).toHaveLength(1);
  });
});
