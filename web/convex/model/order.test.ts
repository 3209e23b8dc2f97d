import { expect, test } from "vitest";
import { permutations } from "../test.setup";
import { NO_NEWS, type Position, isNewer } from "./order";

const at = (status: Position["status"], seq: number, run = 1, presumed = false): Position => ({
  status,
  seq,
  run,
  presumed,
});
const later = (a: Position, b: Position) => (isNewer(b, a) ? b : a);

const LIVES: Record<string, { messages: Position[]; end: Position }> = {
  "a job that waits for quota and completes": {
    messages: [
      at("pending", 1),
      at("queued", 2),
      at("processing", 3),
      at("waiting", 4),
      at("processing", 5),
      at("completed", 6),
    ],
    end: at("completed", 6),
  },
  "a failed job that is retried and completes": {
    messages: [at("processing", 2), at("failed", 3), at("queued", 4, 2), at("processing", 5, 2), at("completed", 6, 2)],
    end: at("completed", 6, 2),
  },
  "a job with two ends keeps the first": {
    messages: [at("queued", 1), at("processing", 2), at("completed", 3), at("cancelled", 4)],
    end: at("completed", 3),
  },
  "a job that is presumed lost and then speaks": {
    messages: [at("queued", 1), at("processing", 2), at("failed", 2, 1, true), at("processing", 3), at("completed", 4)],
    end: at("completed", 4),
  },
  "a job that is presumed lost and stays so": {
    messages: [at("pending", NO_NEWS), at("queued", 1), at("processing", 2), at("failed", 2, 1, true)],
    end: at("failed", 2, 1, true),
  },
  "a row that is older than seq": {
    messages: [at("failed", NO_NEWS), at("queued", 3), at("processing", 4)],
    end: at("processing", 4),
  },
  "a row of the page's that hears late, of a job that has ended": {
    messages: [at("pending", NO_NEWS), at("cancelled", NO_NEWS, 1, true), at("completed", 0)],
    end: at("completed", 0),
  },
};

test.each(Object.entries(LIVES))("%s, in every order", (_, { messages, end }) => {
  for (const order of permutations(messages)) {
    for (const again of messages) expect([...order, again].reduce(later)).toEqual(end);
  }
});

test("nothing is newer than itself", () => {
  for (const { messages } of Object.values(LIVES)) for (const m of messages) expect(isNewer(m, { ...m })).toBe(false);
});

test("of two different accounts exactly one is the newer", () => {
  for (const { messages } of Object.values(LIVES)) {
    for (const a of messages) for (const b of messages) if (a !== b) expect(isNewer(a, b)).toBe(!isNewer(b, a));
  }
});
