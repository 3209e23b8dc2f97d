/** The page's rules that decide: what is sent, what a card says, what a key does. */
import { expect, test } from "vitest";
import { actionOf } from "./read/keys";
import { findAll } from "./read/find";
import { addPeaks, packPeaks, peaksOf, reduceTo, unpackPeaks } from "./read/peaks";
import { speechOf } from "./read/waveform";
import { fractionOf, heardAloud, phaseOf, remaining } from "./jobs/phase";
import { sortRows } from "./history/sort";
import type { RecordingRow } from "./store/database";
import { en } from "./text/en";
import { es } from "./text/es";
import { clockTime, fileSize, stretch } from "./text/quantities";
import { fitsInto, lengthRefusal, parseLink, refusal } from "./send/checks";
import { languageNames } from "./send/languageNames";

const limits = {
  keys: "none" as const,
  signIn: [],
  maxJobUploadBytes: 200 * 1024 * 1024,
  maxAudioSeconds: 14_400,
  maxPromptBytes: 896,
  extensions: ["mp3", "m4a", "wav"],
  languages: ["es", "en"],
};

const check = (name: string, size: number, type = "", known: typeof limits | null = limits) =>
  refusal({ name, size, type }, known)?.({ ...en, language: "en" });

test("a file is refused by the server's own limits, with its name and numbers", () => {
  expect(check("a.mp3", 0)).toContain("0 bytes");
  expect(check("a.mp3", 300e6)).toMatch(/286 MB.*200 MB/);
  expect(check("notes.pdf", 10, "application/pdf")).toContain("no recording");
  expect(lengthRefusal("a.mp3", 20_000, limits)!({ ...es, language: "es" })).toMatch(/5 h 33 min.*4 h/);
  expect(lengthRefusal("a.mp3", 14_405, limits)!({ ...es, language: "es" })).toMatch(/4:00:05.*4:00:00/);
});

test("what may be a recording is sent: the server decides by its contents", () => {
  expect(check("a.MP3", 10)).toBeUndefined();
  expect(check("clip.xyz", 10, "video/x-strange")).toBeUndefined();
  expect(check("no-extension", 10)).toBeUndefined();
  expect(check("huge.mp3", 900e9, "", null)).toBeUndefined();
  expect(lengthRefusal("a.mp3", 14_400, limits)).toBeNull();
});

test("a refusal never is longer than a paragraph, whatever the file is called", () => {
  expect(check(`${"x".repeat(3_000)}.mp3`, 0)!.length).toBeLessThan(250);
});

test("only addresses that a server can fetch are links", () => {
  expect(parseLink(" https://example.com/a.mp3 ")).toBe("https://example.com/a.mp3");
  for (const text of ["", "example.com/a.mp3", "javascript:alert(1)", "file:///etc/passwd", "https://"])
    expect(parseLink(text)).toBeNull();
});

test("letters count in bytes, as the engine counts them", () => {
  expect([fitsInto("ñ".repeat(448), 896), fitsInto("ñ".repeat(449), 896)]).toEqual([true, false]);
});

test("times and sizes are those that people write", () => {
  expect([clockTime(75), clockTime(3_675), clockTime(-1)]).toEqual(["1:15", "1:01:15", "0:00"]);
  expect([stretch(40), stretch(200), stretch(14_400), stretch(7_500)]).toEqual(["40 s", "3 min", "4 h", "2 h 5 min"]);
  expect([fileSize(0, "en"), fileSize(1_500_000, "es")]).toEqual(["0 bytes", "1,4 MB"]);
});

test("both languages have the same sentences", () => {
  const shape = (value: unknown): unknown =>
    typeof value === "object" && value
      ? Object.entries(value).map(([name, inner]) => [name, shape(inner)])
      : typeof value;
  expect(shape(es)).toEqual(shape(en));
});

test("languages have names, Spanish and English first", () => {
  expect(languageNames(["de", "en", "es", "xyz9"], "es").map(([code]) => code)).toEqual(["es", "en", "de", "xyz9"]);
});

const job = {
  ...{ jobId: "j", filename: "a.mp3", sizeBytes: 1, status: "processing" as const, stage: "transcribe", progress: 0 },
  ...{ run: 1, chunks: null, waitingUntil: null, createdAt: 0, startedAt: 0, completedAt: null, uploaded: null },
  ...{ waitsToBeSent: false, needsFile: false, cancelling: false, text: "", heardSeconds: null, result: null },
  ...{ resultSeq: null, textIsGone: false, error: null, problem: null, canCancel: true, canRetry: false },
};

test("a card counts what was heard, or parts, and else shows no bar", () => {
  expect(phaseOf(job)).toBe("hearing");
  expect(fractionOf(job, 100)).toBeNull();
  expect(fractionOf({ ...job, heardSeconds: 25 }, 100)).toBe(0.25);
  expect(fractionOf({ ...job, chunks: { done: 1, total: 4 } }, null)).toBe(0.25);
  expect(phaseOf({ ...job, status: "pending", uploaded: 0.5 })).toBe("sending");
  expect(fractionOf({ ...job, status: "pending", uploaded: 0.5 }, null)).toBe(0.5);
});

test("a card that the server has refused does not look as if it went on", () => {
  const problem = { code: "url_refused", message: "No.", hint: null, retryable: false };
  expect(phaseOf({ ...job, status: "pending", problem })).toBe("failed");
  expect(phaseOf({ ...job, status: "pending", canRetry: true })).toBe("failed");
  expect(phaseOf({ ...job, status: "pending" })).toBe("preparing");
});

test("how long it takes yet is said only when it can be known, as a range", () => {
  expect(remaining(0.5, 3)).toBeNull();
  expect(remaining(null, 60)).toBeNull();
  expect(remaining(0.5, 60)).toEqual({ low: 45, high: 95 });
});

const rowOf = (filename: string, createdAt: number, duration: number) =>
  ({ filename, createdAt, duration }) as RecordingRow;

test("the history is sorted by time, by name as people count, by length", () => {
  const rows = [rowOf("talk 10", 1, 5), rowOf("talk 9", 3, 1), rowOf("Área", 2, 9)];
  const names = (sort: "newest" | "name" | "longest") => sortRows(rows, sort, "es").map(({ filename }) => filename);
  expect(names("newest")).toEqual(["talk 9", "Área", "talk 10"]);
  expect(names("name")).toEqual(["Área", "talk 9", "talk 10"]);
  expect(names("longest")).toEqual(["Área", "talk 10", "talk 9"]);
});

test("letters are found without case and accents, at their own places", () => {
  const hits = findAll([{ text: "El camión y el CAMION. İx", words: [] }], "camion");
  expect(hits.map(({ at }) => at)).toEqual([3, 15]);
  expect(findAll([{ text: "abc", words: [] }], "  ")).toEqual([]);
});

test("keys do what transcribers know, and leave fields alone", () => {
  const press = (key: string, more: Partial<Parameters<typeof actionOf>[0]> = {}) => ({
    ...{ key, ctrl: false, shift: false, alt: false },
    ...more,
  });
  expect(actionOf(press("Escape"), "page")).toBe("toggle");
  expect(actionOf(press("Tab"), "page")).toBeNull();
  expect(actionOf(press("Tab"), "editing")).toBe("toggle");
  expect(actionOf(press("z", { ctrl: true, shift: true }), "button")).toBe("redo"); // after a click on Undo
  expect(actionOf(press("z", { ctrl: true }), "field")).toBeNull();
  expect(actionOf(press("Enter", { ctrl: true }), "button")).toBeNull();
  expect(actionOf(press(" "), "button")).toBeNull();
  expect(actionOf(press("Tab", { shift: true }), "editing")).toBeNull();
  expect(actionOf(press("Escape"), "editing")).toBe("endEdit");
  expect(actionOf(press("ArrowLeft", { shift: true }), "editing")).toBe("back");
  expect(actionOf(press("u"), "editing")).toBeNull();
  expect(actionOf(press(" "), "field")).toBeNull();
  expect(actionOf(press("Z", { ctrl: true, shift: true }), "paragraph")).toBe("redo");
  expect(actionOf(press("Enter"), "paragraph")).toBe("edit");
});

test("the picture of a recording has its loudness, and its pauses", () => {
  expect([...peaksOf(Float32Array.of(0, 0.5, 0, -1), 2)]).toEqual([0.5, 1]);
  const words = [
    { at: 0, length: 1, start: 0, end: 1 },
    { at: 2, length: 1, start: 8, end: 9 },
  ];
  expect([...speechOf([{ text: "a b", words }], 10, 5)]).toEqual([1, 0, 0, 0, 1]);
});

test("the picture of hours is made of pieces, and what is not decoded yet is not silence", () => {
  const peaks = new Float32Array(4).fill(NaN);
  addPeaks(peaks, Float32Array.of(0.25, -0.5), 0, 1);
  addPeaks(peaks, Float32Array.of(0, 0.125, 1, 1), 2, 0.5);
  expect([...peaks]).toEqual([0.25, 0.5, 0.125, 1]);
  expect([...reduceTo(Float32Array.of(0.1, 0.5, NaN, NaN), 2)]).toEqual([0.5, NaN]);
  expect([...unpackPeaks(packPeaks(Float32Array.of(0, 1, NaN)))]).toEqual([0, 1, 0]);
});

test("how much was heard is said aloud at most three times, and not at the end", () => {
  const said = (duration: number) => {
    const steps = Array.from({ length: 101 }, (_, percent) => heardAloud((duration * percent) / 100, duration));
    return [...new Set(steps)].slice(1);
  };
  expect(said(14_400)).toEqual([3_600, 7_200, 10_800]);
  expect(said(900)).toEqual([300, 600]);
  expect(said(240)).toEqual([]);
  expect([heardAloud(null, 900), heardAloud(400, null)]).toEqual([0, 0]);
});
