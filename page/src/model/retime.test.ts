import { describe, expect, test } from "vitest";
import { invert, merge, replaceAll, rewrite, split } from "./editing";
import { History } from "./history";
import { toParagraphs } from "./paragraphs";
import { retime } from "./retime";
import { type Paragraph, risingTimes, segmentsOf, wordText } from "./transcript";

const words = "The quick brown fox jumps over the lazy dog and runs away".split(" ");

function paragraphOf(all: readonly string[]): Paragraph {
  const text = all.join(" ");
  let at = 0;
  const timed = all.map((word, i) => {
    const place = { at, length: word.length, start: i, end: i + 0.8, ...(i === 0 ? { opensSegment: true } : {}) };
    at += word.length + 1;
    return place;
  });
  return { text, words: timed };
}

const texts = (paragraph: Paragraph) => paragraph.words.map((word) => wordText(paragraph, word));

function expectSound(paragraph: Paragraph, text: string): void {
  expect(paragraph.text).toBe(text);
  expect(texts(paragraph).join(" ")).toBe(text.trim().replace(/\s+/g, " "));
  let before = 0;
  for (const { start, end } of paragraph.words) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    before = start;
  }
}

/** Numbers that are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe("a paragraph whose text was edited", () => {
  test("keeps the times of every word that is still there", () => {
    const before = paragraphOf(words);
    const after = retime(before, before.text.replace("brown fox", "red foxes"));
    expectSound(after, "The quick red foxes jumps over the lazy dog and runs away");
    expect(after.words[4]).toMatchObject({ start: 4, end: 4.8 });
    expect(after.words[2]!.start).toBe(2);
    expect(after.words[3]!.end).toBe(3.8);
    expect(after.words[11]).toMatchObject({ start: 11, end: 11.8 });
  });

  test("gives an inserted word time, and takes none from the words after it", () => {
    const tight = paragraphOf(words);
    const joined = { ...tight, words: tight.words.map((word) => ({ ...word, end: word.start + 1 })) };
    const after = retime(joined, joined.text.replace("fox jumps", "fox really jumps"));
    const inserted = after.words[4]!;
    expect(wordText(after, inserted)).toBe("really");
    expect(inserted.end - inserted.start).toBeGreaterThan(0.05);
    expect(after.words[5]!.start).toBe(4);
  });

  test("has the exact text and rising times after 300 edits of any kind", () => {
    const random = numbers(17);
    const pick = (most: number) => Math.floor(random.next().value * most);
    let paragraph = paragraphOf(words);
    for (let i = 0; i < 300; i += 1) {
      const from = pick(paragraph.text.length + 1);
      const to = Math.min(paragraph.text.length, from + pick(12));
      const added = ["", " ", "x", "ábc def", "new words here ", "-"][pick(6)]!;
      const text = (paragraph.text.slice(0, from) + added + paragraph.text.slice(to)).slice(0, 600);
      if (text.trim() === "") continue;
      paragraph = retime(paragraph, text);
      expectSound(paragraph, text);
    }
  });

  test("is corrected within a frame where it is as long as paragraphs may be", () => {
    const before = paragraphOf(Array.from({ length: 150 }, (_, i) => `word${i}`));
    const after = retime(before, [...before.text].reverse().join(""));
    expect(after.words).toHaveLength(150);
  });
});

describe("a transcript", () => {
  const api = {
    duration: 9,
    segments: [
      { start: 0, end: 2, text: " Hola, ¿qué tal?" },
      { start: 5, end: 6, text: "Bien.", avgLogprob: -1.2 },
      { start: 6, end: 7, text: "你好世界" },
    ],
    words: [
      { word: "Hola", start: 0, end: 0.4 },
      { word: "qué", start: 0.6, end: 0.8 },
      { word: "tal?", start: 0.9, end: 1.9 },
      { word: "Bien.", start: 5, end: 5.9 },
    ],
  };

  test("becomes paragraphs at pauses, whose words have their marks and times", () => {
    const [first, second] = toParagraphs(api);
    expect(first!.text).toBe("Hola, ¿qué tal?");
    expect(texts(first!)).toEqual(["Hola,", "¿", "qué", "tal?"]);
    expect(second!.text).toBe("Bien. 你好世界");
    expect(second!.words[0]).toMatchObject({ start: 5, end: 5.9, isUnsure: true });
    expect(second!.words.slice(1).every(({ start }) => start >= 5.9)).toBe(true);
  });

  test("goes back to the API in its phrases, with times that only rise", () => {
    const segments = risingTimes(toParagraphs(api).flatMap(segmentsOf), 9);
    expect(segments.map(({ text }) => text)).toEqual(["Hola, ¿qué tal?", "Bien.", "你好世界"]);
    const backwards = risingTimes([{ start: 5, end: 3, text: "a", words: [{ word: "a", start: 5, end: 3 }] }], 4);
    expect(backwards[0]).toMatchObject({ start: 4, end: 4 });
  });

  test("without any times still has every word", () => {
    const [paragraph] = toParagraphs({ text: "uno dos tres", duration: 3 });
    expect(texts(paragraph!)).toEqual(["uno", "dos", "tres"]);
    expect(paragraph!.words[2]!.end).toBe(3);
  });

  test("has no paragraph that is too long to be corrected quickly", () => {
    const text = Array.from({ length: 1_000 }, (_, i) => `w${i}`).join(" ");
    const paragraphs = toParagraphs({ duration: 500, segments: [{ start: 0, end: 500, text }] });
    expect(Math.max(...paragraphs.map(({ words: all }) => all.length))).toBeLessThanOrEqual(150);
    expect(paragraphs.map((one) => one.text).join(" ")).toBe(text);
  });
});

describe("the history", () => {
  test("undoes and redoes across paragraphs, typing in one step", () => {
    const history = new History([paragraphOf(words), paragraphOf(["Second", "one."])]);
    const original = history.paragraphs;
    history.do(rewrite(history.paragraphs, 0, "T"), 1_000);
    history.do(rewrite(history.paragraphs, 0, "Ty"), 1_200);
    history.do(split(history.paragraphs, 1, 7)!);
    expect(history.paragraphs.map(({ text }) => text)).toEqual(["Ty", "Second", "one."]);
    history.do(merge(history.paragraphs, 1)!);
    expect(history.paragraphs.map(({ text }) => text)).toEqual(["Ty Second", "one."]);
    for (const _ of [1, 2, 3]) history.undo();
    expect(history.paragraphs).toEqual(original);
    expect([history.canUndo, history.undo()]).toEqual([false, null]);
    for (const _ of [1, 2, 3]) history.redo();
    expect(history.paragraphs.map(({ text }) => text)).toEqual(["Ty Second", "one."]);
  });

  test("replaces in all paragraphs as one change", () => {
    const all = [paragraphOf(["a", "b"]), paragraphOf(["c"]), paragraphOf(["b", "b"])];
    const hits = [
      { paragraph: 0, at: 2, length: 1 },
      { paragraph: 2, at: 0, length: 1 },
      { paragraph: 2, at: 2, length: 1 },
    ];
    const change = replaceAll(all, hits, "new")!;
    expect(change.after.map(({ text }) => text)).toEqual(["a new", "c", "new new"]);
    expect(invert(change).after).toEqual(all);
    expect(replaceAll(all, [], "x")).toBeNull();
  });

  test("does not split where one half would be empty", () => {
    expect(split([paragraphOf(words)], 0, 0)).toBeNull();
    expect(split([paragraphOf(words)], 0, 10_000)).toBeNull();
  });
});
