import { expect, test } from "vitest";
import { type Standing, needs } from "./newsSources";

const running: Standing = {
  ...{ watched: true, status: "processing", accepted: true, sent: true, lacksResult: true, liveText: true },
  ...{ offline: false, told: true, awaitsRow: false },
};
const completed: Standing = { ...running, status: "completed" };

const none = { listens: false, polls: false, lags: false };
const listens = { ...none, listens: true };
const polls = { ...none, polls: true };
const lags = { ...none, lags: true };

test.each<[string, Standing, object]>([
  ["a running job is listened to", running, listens],
  ["one that nobody looks at is left alone", { ...running, watched: false }, none],
  ["without live text nothing is opened", { ...running, liveText: false }, none],
  ["one that the API does not know is not asked for", { ...running, accepted: false, told: false }, none],
  ["one whose audio is on its way has no text yet", { ...running, sent: false }, none],
  ["while Convex does not tell of it, the API is asked", { ...running, told: false }, { ...listens, polls: true }],
  ["and nobody while there is no network", { ...running, told: false, offline: true }, listens],
  ["nor in the moment that Convex needs to answer", { ...running, told: false, awaitsRow: true }, none],
  ["a completed job is over when its text is here", { ...completed, lacksResult: false }, none],
  ["its text may be late in Convex", completed, lags],
  ["its text is asked of the API where Convex has none", { ...completed, told: false }, polls],
  ["a failed job is over", { ...running, status: "failed", told: false }, none],
])("%s", (_, standing, expected) => {
  expect(needs(standing)).toEqual(expected);
});
