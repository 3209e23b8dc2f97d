import { expect, test } from "vitest";
import { UploadSlots } from "./uploadSlots";

const never = new AbortController().signal;

test("a slot that is released goes to the first in the queue", async () => {
  const slots = new UploadSlots(2);
  expect([slots.acquire(never), slots.acquire(never)]).toEqual([null, null]);
  const entered: string[] = [];
  void slots.acquire(never)!.then(() => entered.push("third"));
  void slots.acquire(never)!.then(() => entered.push("fourth"));
  slots.release();
  await Promise.resolve();
  expect(entered).toEqual(["third"]);
  slots.release();
  await Promise.resolve();
  expect(entered).toEqual(["third", "fourth"]);
});

test("an aborted upload leaves the queue and takes no slot", async () => {
  const slots = new UploadSlots(1);
  slots.acquire(never);
  const controller = new AbortController();
  const acquired = slots.acquire(controller.signal)!;
  controller.abort(new Error("cancelled"));
  await expect(acquired).rejects.toThrow("cancelled");
  slots.release();
  expect(slots.acquire(never)).toBeNull();
});
