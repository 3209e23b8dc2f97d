import { expect, test } from "vitest";
import { apply, merge, split } from "./editing";
import { History } from "./history";
import { toParagraphs } from "./paragraphs";
import {
  assign,
  givenNames,
  labelsOf,
  LONGEST_NAME,
  mergeSpeakers,
  nameOf,
  newLabel,
  rename,
  withNames,
} from "./speakers";
import { segmentsOf } from "./transcript";

const paragraphs = toParagraphs({
  duration: 9,
  segments: ["A", "B", "A"].map((speaker, i) => ({ start: i * 3, end: i * 3 + 2.9, text: "one two three.", speaker })),
});

test("a paragraph ends where the speaker changes", () => {
  expect(paragraphs.map(({ speaker }) => speaker)).toEqual(["A", "B", "A"]);
  expect(labelsOf(paragraphs)).toEqual(["A", "B"]);
});

test("a name, a merge and a paragraph of another speaker are undone and redone", () => {
  const history = new History(paragraphs);
  history.do(rename(history, "A", "  Ana \n María ")!);
  expect(history.names).toEqual({ A: "Ana María" });
  history.do(mergeSpeakers(history, "B", "A")!);
  history.do(assign(history.paragraphs, 2, "C")!);
  expect(withNames(history).map(({ speaker }) => speaker)).toEqual(["Ana María", "Ana María", "C"]);
  while (history.canUndo) history.undo();
  expect(history.names).toEqual({});
  expect(history.paragraphs).toEqual(paragraphs);
  while (history.canRedo) history.redo();
  expect(withNames(history).map(({ speaker }) => speaker)).toEqual(["Ana María", "Ana María", "C"]);
});

test("nothing is changed where nothing differs, and an empty name gives the label back", () => {
  expect(rename({ paragraphs, names: {} }, "A", " ")).toBeNull();
  expect(rename({ paragraphs, names: {} }, "A", "A")).toBeNull();
  expect(assign(paragraphs, 0, "A")).toBeNull();
  expect(assign(paragraphs, 9, "A")).toBeNull();
  expect(rename({ paragraphs, names: { A: "Ana" } }, "A", "")!.names!.after).toEqual({});
});

test("the API gets names of a length that it takes", () => {
  expect(rename({ paragraphs, names: {} }, "A", "x".repeat(3_000))!.names!.after.A).toHaveLength(LONGEST_NAME);
  expect(givenNames({ A: "Ana", B: "B" })).toEqual({ A: "Ana" });
});

test("labels that are names of JavaScript's own are labels", () => {
  expect(nameOf({}, "constructor")).toBe("constructor");
  expect(rename({ paragraphs, names: {} }, "__proto__", "Ana")!.names!.after).toEqual(
    Object.fromEntries([["__proto__", "Ana"]]),
  );
});

test("a new speaker gets the first free letter", () => {
  const of = (labels: string[]) => labels.map((speaker) => ({ text: "", words: [], speaker }));
  expect(newLabel(paragraphs, [])).toBe("C");
  expect(newLabel(paragraphs, [{ speaker: "C", start: 4, end: 5 }])).toBe("D");
  expect(newLabel([], [])).toBe("A");
  expect(newLabel(of(["A", "C"]), [])).toBe("B");
  expect(newLabel(of(Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i))), [])).toBe("AA");
});

test("a paragraph that is split keeps its speaker in both halves, also at the API", () => {
  const halves = apply(paragraphs, split(paragraphs, 1, 4)!);
  const changed = apply(halves, assign(halves, 2, "A")!);
  expect(changed.flatMap(segmentsOf).map(({ text, speaker }) => [text, speaker])).toEqual([
    ["one two three.", "A"],
    ["one", "B"],
    ["two three.", "A"],
    ["one two three.", "A"],
  ]);
  expect(apply(changed, merge(changed, 2)!)[1]!.speaker).toBe("B");
});
