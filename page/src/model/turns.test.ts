import { expect, test } from "vitest";
import { type Source, write } from "../export/formats";
import { apply } from "./editing";
import { toParagraphs } from "./paragraphs";
import { assign, type Text } from "./speakers";
import { namesInUse, turnsOf } from "./turns";
import { wordlessOf } from "./wordless";

/** As the API answers: A and B speak, and each also without words; C says no word. */
const transcript = {
  duration: 30,
  segments: [
    { start: 1, end: 3, text: "one two.", speaker: "A" },
    { start: 8, end: 9, text: "three.", speaker: "B" },
    { start: 20, end: 21, text: "four.", speaker: "A" },
  ],
  words: [
    { word: "one", start: 1, end: 1.7 },
    { word: "two.", start: 2.1, end: 3 },
    { word: "three.", start: 8, end: 9 },
    { word: "four.", start: 20.0004, end: 21 },
  ],
  speakers: { A: "A", B: "B", C: "C" },
  turns: [
    { speaker: "A", start: 0.5, end: 5 },
    { speaker: "B", start: 7.7, end: 9 },
    { speaker: "C", start: 12, end: 13 },
    { speaker: "B", start: 15, end: 16 },
    { speaker: "A", start: 20, end: 21 },
  ],
};
const paragraphs = toParagraphs(transcript);
const wordless = wordlessOf(transcript, paragraphs);
const labels = (text: Text) =>
  turnsOf({ ...text, wordless })
    .map(({ speaker }) => speaker)
    .join(" ");

test("the turns of an untouched text are the API's, those without words too", () => {
  expect(turnsOf({ paragraphs, names: {}, wordless })).toEqual(transcript.turns);
});

test("who speaks while another one's words are written has a turn beside theirs", () => {
  const turns = [
    { speaker: "A", start: 1, end: 3.4 },
    { speaker: "B", start: 1.5, end: 2.2 },
    { speaker: "B", start: 7.85, end: 9 },
    { speaker: "A", start: 8.5, end: 8.75 },
    { speaker: "A", start: 20, end: 21 },
  ];
  const beside = wordlessOf({ ...transcript, turns }, paragraphs);
  expect(turnsOf({ paragraphs, names: {}, wordless: beside })).toEqual(turns);
});

test("two labels of one name have turns in common, and their own once a person parts them", () => {
  const speakers = { A: "Ana", B: "Ana", C: "C" };
  const turns = [
    { speaker: "A", start: 0.5, end: 9 },
    { speaker: "A", start: 20, end: 21 },
  ];
  const both = wordlessOf({ ...transcript, turns, speakers }, paragraphs);
  expect(both.some(({ start, end }) => start < 8.5 && end > 8.5)).toBe(false);
  const parted = { paragraphs: apply(paragraphs, assign(paragraphs, 1, "C")!), names: { A: "Ana" }, wordless: both };
  expect(turnsOf(parted).filter(({ start, end }) => start < 8.5 && end > 8.5)).toMatchObject([{ speaker: "C" }]);
});

test("speech without words goes with the words around it, and two of one name are one speaker", () => {
  expect(labels({ paragraphs, names: { A: "Ana", B: "Ana" } })).toBe("Ana Ana C Ana Ana");
  expect(labels({ paragraphs: apply(paragraphs, assign(paragraphs, 1, "D")!), names: {} })).toBe("A D C D A");
});

test("nobody speaks where a person has taken the speaker of all words away", () => {
  expect(labels({ paragraphs: paragraphs.map(({ text, words }) => ({ text, words })), names: {} })).toBe("");
});

test("the API gets the names of labels that occur, also of who says no word", () => {
  const names = { A: "Ana", B: "Blas", C: "Carla", D: "Dora" };
  expect(namesInUse({ paragraphs, names, wordless })).toEqual({ A: "Ana", B: "Blas", C: "Carla" });
  expect(namesInUse({ paragraphs: [], names, wordless: wordless.filter(({ speaker }) => speaker === "C") })).toEqual({
    C: "Carla",
  });
  const given = { paragraphs: apply(paragraphs, assign(paragraphs, 1, "A")!), names, wordless };
  expect(namesInUse(given)).toEqual({ A: "Ana", C: "Carla" });
  const emptied = paragraphs.map((one) => (one.speaker === "B" ? { ...one, text: "", words: [] } : one));
  expect(namesInUse({ paragraphs: emptied, names, wordless })).toEqual({ A: "Ana", C: "Carla" });
  const unlabelled = paragraphs.map(({ text, words }) => ({ text, words }));
  expect(namesInUse({ paragraphs: unlabelled, names, wordless })).toEqual({});
});

test("a recording without a word has turns in its data, with names", () => {
  const silent = { duration: 30, text: "", segments: [], speakers: { A: "A" }, turns: transcript.turns.slice(2, 4) };
  const text = { paragraphs: toParagraphs(silent), names: { C: "Carla" } };
  const source: Source = {
    ...{ filename: "a.mp3", language: null, duration: 30, paragraphs: text.paragraphs },
    turns: turnsOf({ ...text, wordless: wordlessOf(silent, text.paragraphs) }),
  };
  expect(JSON.parse(write("json", source))).toMatchObject({
    text: "",
    turns: [
      { speaker: "Carla", start: 12, end: 13 },
      { speaker: "B", start: 15, end: 16 },
    ],
  });
  expect(JSON.parse(write("json", { ...source, turns: [] }))).not.toHaveProperty("turns");
});
