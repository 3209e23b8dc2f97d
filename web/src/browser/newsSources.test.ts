import { expect, test } from "vitest";
import { type SourceConditions, chooseSources } from "./newsSources";

const running: SourceConditions = {
  ...{ isWatched: true, status: "processing", isAccepted: true, isSent: true, lacksResult: true, wantsLiveText: true },
  ...{ isOffline: false, isPushed: true, isRowAwaited: false },
};
const completed: SourceConditions = { ...running, status: "completed" };

const none = { socket: false, polling: false, rowTimer: false };
const socket = { ...none, socket: true };
const polling = { ...none, polling: true };
const rowTimer = { ...none, rowTimer: true };

test.each<[string, SourceConditions, object]>([
  ["a running job needs the socket", running, socket],
  ["a job that no component shows needs no source", { ...running, isWatched: false }, none],
  ["a job without live text needs no socket", { ...running, wantsLiveText: false }, none],
  ["a job that the API does not know needs no source", { ...running, isAccepted: false, isPushed: false }, none],
  ["a job whose audio is not uploaded yet needs no socket", { ...running, isSent: false }, none],
  ["a job that Convex does not push is polled", { ...running, isPushed: false }, { ...socket, polling: true }],
  ["a job is not polled while there is no network", { ...running, isPushed: false, isOffline: true }, socket],
  ["a job whose row is awaited needs no source yet", { ...running, isPushed: false, isRowAwaited: true }, none],
  ["a completed job with its transcript needs no source", { ...completed, lacksResult: false }, none],
  ["a completed job without its transcript waits for its row", completed, rowTimer],
  [
    "a completed job without its transcript is polled where Convex has no row",
    { ...completed, isPushed: false },
    polling,
  ],
  ["a failed job needs no source", { ...running, status: "failed", isPushed: false }, none],
])("%s", (_, conditions, sources) => {
  expect(chooseSources(conditions)).toEqual(sources);
});
