import { expect, test } from "vitest";
import { UploadSlots } from "./uploadSlots";

const never = new AbortController().signal;

test("so many at once; the next when one leaves, in their order", async () => {
  const turns = new UploadSlots(2);
  expect([turns.take(never), turns.take(never)]).toEqual([null, null]);
  const entered: string[] = [];
  void turns.take(never)!.then(() => entered.push("third"));
  void turns.take(never)!.then(() => entered.push("fourth"));
  turns.leave();
  await Promise.resolve();
  expect(entered).toEqual(["third"]);
  turns.leave();
  await Promise.resolve();
  expect(entered).toEqual(["third", "fourth"]);
});

test("who waits no more takes nobody's place", async () => {
  const turns = new UploadSlots(1);
  turns.take(never);
  const impatient = new AbortController();
  const waited = turns.take(impatient.signal)!;
  impatient.abort(new Error("enough"));
  await expect(waited).rejects.toThrow("enough");
  turns.leave();
  expect(turns.take(never)).toBeNull();
});
