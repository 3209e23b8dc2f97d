import { expect, test } from "vitest";
import { type JobVersion, NO_SEQ, isNewer } from "./jobVersion";

const version = (status: JobVersion["status"], seq: number, run = 1, presumed = false): JobVersion => ({
  status,
  seq,
  run,
  presumed,
});
const newer = (a: JobVersion, b: JobVersion) => (isNewer(b, a) ? b : a);

const HISTORIES: Record<string, { messages: JobVersion[]; end: JobVersion }> = {
  "a job that waits for quota and completes": {
    messages: [
      version("pending", 1),
      version("queued", 2),
      version("processing", 3),
      version("waiting", 4),
      version("processing", 5),
      version("completed", 6),
    ],
    end: version("completed", 6),
  },
  "a failed job that is retried and completes": {
    messages: [
      version("processing", 2),
      version("failed", 3),
      version("queued", 4, 2),
      version("processing", 5, 2),
      version("completed", 6, 2),
    ],
    end: version("completed", 6, 2),
  },
  "a job with two ends, which keeps the first": {
    messages: [version("queued", 1), version("processing", 2), version("completed", 3), version("cancelled", 4)],
    end: version("completed", 3),
  },
  "a job that is presumed lost until the API sends news of it": {
    messages: [
      version("queued", 1),
      version("processing", 2),
      version("failed", 2, 1, true),
      version("processing", 3),
      version("completed", 4),
    ],
    end: version("completed", 4),
  },
  "a job that is presumed lost and of which the API sends nothing more": {
    messages: [
      version("pending", NO_SEQ),
      version("queued", 1),
      version("processing", 2),
      version("failed", 2, 1, true),
    ],
    end: version("failed", 2, 1, true),
  },
  "a row from before `seq` existed": {
    messages: [version("failed", NO_SEQ), version("queued", 3), version("processing", 4)],
    end: version("processing", 4),
  },
  "a row that receives its first snapshot after the job has ended": {
    messages: [version("pending", NO_SEQ), version("cancelled", NO_SEQ, 1, true), version("completed", 0)],
    end: version("completed", 0),
  },
};

/** Every version that a receiver can end with when each message reaches it once or twice, in any order. */
function reachableEnds(messages: JobVersion[]): Set<JobVersion> {
  const ends = new Set<JobVersion>();
  const visited = new Set<string>(); // a state with the same messages to come is explored once
  const receive = (current: JobVersion, remaining: number[]) => {
    const state = `${messages.indexOf(current)} of ${remaining}`;
    if (visited.has(state)) return;
    visited.add(state);
    if (remaining.every((times) => times < 2)) ends.add(current);
    remaining.forEach((times, i) => {
      if (times > 0) receive(newer(current, messages[i]!), remaining.with(i, times - 1));
    });
  };
  messages.forEach((first, i) => receive(first, messages.map(() => 2).with(i, 1)));
  return ends;
}

test.each(Object.entries(HISTORIES))("%s ends in one version for every order and repetition", (_, history) => {
  expect([...reachableEnds(history.messages)]).toEqual([history.end]);
});

test("no version is newer than itself", () => {
  for (const { messages } of Object.values(HISTORIES))
    for (const message of messages) expect(isNewer(message, { ...message })).toBe(false);
});

test("of two different versions exactly one is the newer", () => {
  for (const { messages } of Object.values(HISTORIES)) {
    for (const a of messages) for (const b of messages) if (a !== b) expect(isNewer(a, b)).toBe(!isNewer(b, a));
  }
});
