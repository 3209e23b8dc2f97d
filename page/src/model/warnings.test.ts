/** What is kept of the warnings of an answer. */
import { expect, test } from "vitest";
import { warningsOf } from "./warnings";

const cutOff = { code: "audio_cut_off", message: "The end of the file is missing." };

test("warnings are kept with the language in which they were asked for, in their order", () => {
  const doubt = { code: "speakers_doubtful", message: "Check who says what." };
  expect(warningsOf({ warnings: [cutOff, doubt] }, "en")).toEqual([
    { ...cutOff, lang: "en" },
    { ...doubt, lang: "en" },
  ]);
});

test("a row of Convex, whose language nobody knows, keeps the sentence alone", () => {
  expect(warningsOf({ warnings: [cutOff] })).toEqual([cutOff]);
  expect(warningsOf({})).toEqual([]);
});

test("a sentence from before there were codes is a warning, too", () => {
  expect(warningsOf({ warnings: ["The prompt was cut."] })).toEqual([{ code: "note", message: "The prompt was cut." }]);
});

test("that another model translates is not said to who named none", () => {
  const replaced = { code: "model_replaced", message: "turbo cannot translate; large was used." };
  expect(warningsOf({ warnings: [replaced, cutOff] })).toEqual([cutOff]);
});
