import { expect, test } from "vitest";
import { toParagraphs } from "../model/paragraphs";
import { pack, unpack } from "../store/packing";
import { toCues } from "./cues";
import { baseName, fileName, uniqueNamer } from "./fileNames";
import { type Source, TEXT_FORMATS, write } from "./formats";

const HOSTILE = '<script>alert(1)</script> & "quotes" --> # *bold* [link](x) \u202etxet';

const sentence = "This is a sentence of a dozen words that one can read well. ";
const paragraphs = toParagraphs({
  duration: 200,
  segments: [
    ...Array.from({ length: 12 }, (_, i) => ({ start: i * 4, end: i * 4 + 3.9, text: sentence })),
    { start: 190, end: 191, text: HOSTILE },
  ],
});
const source: Source = { filename: "a <b>.mp3", language: "en", duration: 200, paragraphs };

test("every cue can be read: two lines of 42 letters, seven seconds, times that rise", () => {
  const cues = toCues(paragraphs);
  expect(cues.length).toBeGreaterThan(12);
  let before = 0;
  for (const { start, end, lines } of cues) {
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(42);
    expect(end - start).toBeLessThanOrEqual(7);
    expect(start).toBeGreaterThanOrEqual(before);
    before = end;
  }
  expect(cues.flatMap(({ lines }) => lines).join(" ")).toBe(paragraphs.map(({ text }) => text).join(" "));
});

test("a word that is longer than a line stands in a cue of its own, whole", () => {
  const [long] = toParagraphs({ duration: 9, segments: [{ start: 0, end: 9, text: `a ${"x".repeat(300)} b` }] });
  expect(toCues([long!]).map(({ lines }) => lines.join("").length)).toEqual([1, 300, 1]);
});

test("what was said is never markup of the file that holds it", () => {
  expect(write("vtt", source)).toContain("&lt;script&gt;");
  expect(write("vtt", source).match(/-->/g)).toHaveLength(toCues(paragraphs).length);
  expect(write("md", source)).toContain("\\<script\\>");
  expect(write("md", source)).toContain("\\[link\\]");
  expect(write("txt", source)).toContain(HOSTILE);
  expect(JSON.parse(write("json", source))).toMatchObject({ filename: "a <b>.mp3", language: "en", duration: 200 });
});

test("every format ends with a line break and has all words", () => {
  for (const format of TEXT_FORMATS) {
    expect(write(format, source).endsWith("\n")).toBe(true);
    expect(write(format, source).match(/sentence/g)!.length).toBeGreaterThanOrEqual(12);
  }
  expect(write("srt", source)).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\n/);
  expect(write("times", source)).toMatch(/^\[0:00\] This/);
});

test("what was marked while recording is in the files that people read, and in no subtitle", () => {
  const marked = { ...source, marks: { title: "Marked while recording:", seconds: [2.4, 63] } };
  for (const format of ["txt", "times", "md"] as const)
    expect(write(format, marked)).toBe(`${write(format, source)}\nMarked while recording: 0:02, 1:03\n`);
  expect(JSON.parse(write("json", marked))).toEqual({ ...JSON.parse(write("json", source)), marks: [2.4, 63] });
  for (const format of ["srt", "vtt"] as const) expect(write(format, marked)).toBe(write(format, source));
});

test("names of files can be stored on every system", () => {
  expect(baseName("../../etc/pass:wd.mp3")).toBe("etc pass wd");
  expect(baseName("\u202egpj.mp3")).toBe("gpj");
  expect(baseName("...")).toBe("escriba");
  expect(baseName("ñ".repeat(3_000)).length).toBe(80);
  expect(fileName("talk.m4a", "times")).toBe("talk.times.txt");
  const nameOf = uniqueNamer();
  expect(["a", "A (2)", "A", "b"].map(nameOf)).toEqual(["a", "A (2)", "A (3)", "b"]);
});

test("paragraphs come out of the store as they went in", () => {
  expect(paragraphs.map(pack).map(unpack)).toEqual(paragraphs);
});
