/** How two texts become one. */
import { expect, test } from "vitest";
import { concatenate } from "./tokens";

test.each([
  ["one", "two", "one two"],
  ["", "two", "two"],
  ["one", "", "one"],
  ["你好", "世界", "你好世界"],
  ["こんにちは。", "元気", "こんにちは。元気"],
  ["สวัสดี", "ครับ", "สวัสดีครับ"],
  ["안녕", "하세요", "안녕 하세요"],
])("two texts become one as their script has it: %j and %j", (left, right, whole) => {
  expect(concatenate(left, right)).toBe(whole);
});
