import { expect, test } from "vitest";
import { NO_SEQ, type Position, isNewer } from "./jobVersion";

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
    messages: [at("pending", NO_SEQ), at("queued", 1), at("processing", 2), at("failed", 2, 1, true)],
    end: at("failed", 2, 1, true),
  },
  "a row that is older than seq": {
    messages: [at("failed", NO_SEQ), at("queued", 3), at("processing", 4)],
    end: at("processing", 4),
  },
  "a row of the page's that hears late, of a job that has ended": {
    messages: [at("pending", NO_SEQ), at("cancelled", NO_SEQ, 1, true), at("completed", 0)],
    end: at("completed", 0),
  },
};

/** Whatever a job can end as that hears each message once or twice, in any order, the second time at any place. */
function ends(messages: Position[]): Set<Position> {
  const ends = new Set<Position>();
  const seen = new Set<string>(); // what comes of a state and the messages still to come is looked at once
  const hear = (current: Position, left: number[]) => {
    const here = `${messages.indexOf(current)} of ${left}`;
    if (seen.has(here)) return;
    seen.add(here);
    if (left.every((times) => times < 2)) ends.add(current);
    left.forEach((times, i) => times > 0 && hear(later(current, messages[i]!), left.with(i, times - 1)));
  };
  messages.forEach((first, i) => hear(first, messages.map(() => 2).with(i, 1)));
  return ends;
}

test.each(Object.entries(LIVES))("%s, in every order and repetition", (_, { messages, end }) => {
  expect([...ends(messages)]).toEqual([end]);
});

test("nothing is newer than itself", () => {
  for (const { messages } of Object.values(LIVES)) for (const m of messages) expect(isNewer(m, { ...m })).toBe(false);
});

test("of two different accounts exactly one is the newer", () => {
  for (const { messages } of Object.values(LIVES)) {
    for (const a of messages) for (const b of messages) if (a !== b) expect(isNewer(a, b)).toBe(!isNewer(b, a));
  }
});
