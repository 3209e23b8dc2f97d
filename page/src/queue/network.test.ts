/** What waits for the network, and what the service has refused. */
import { expect, test } from "vitest";
import { hasLostNetwork, pauseBefore, waitsForNetwork } from "./network";

const problem = (code: string, retryable = true) => ({ code, message: "", hint: null, retryable });
const job = { status: "pending" as const, problem: null, uploaded: null, needsFile: false, cancelling: false };

test("no answer is a lost network; an answer of the service is for the person", () => {
  for (const code of ["unreachable", "timeout", "upload_failed", "http_502"])
    expect(hasLostNetwork({ problem: problem(code) })).toBe(true);
  expect(hasLostNetwork({ problem: problem("upload_failed", false) })).toBe(false); // such as a 400 of a bucket
  for (const code of ["upload_too_large", "rate_limited", "unauthorized", "http_403"])
    expect(hasLostNetwork({ problem: problem(code) })).toBe(false);
});

test("the browser's word that it is offline counts only while nothing has been sent", () => {
  expect(waitsForNetwork(job, true)).toBe(true);
  expect(waitsForNetwork({ ...job, uploaded: 0.4 }, true)).toBe(false);
  expect(waitsForNetwork({ ...job, problem: problem("upload_too_large", false) }, true)).toBe(false);
  expect(waitsForNetwork({ ...job, needsFile: true }, true)).toBe(false);
  expect(waitsForNetwork({ ...job, status: "processing" }, true)).toBe(false);
  expect(waitsForNetwork({ ...job, problem: problem("unreachable") }, false)).toBe(true);
});

test("it is tried again in growing pauses, and each minute at last", () => {
  expect([0, 1, 4, 5, 50].map(pauseBefore)).toEqual([2_000, 4_000, 32_000, 60_000, 60_000]);
});
