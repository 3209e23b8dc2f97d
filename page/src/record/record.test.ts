/** The rules of the recorder: what its journal tells after a crash, names, lengths, silence. */
import { expect, test } from "vitest";
import { chooseMimeType, extensionOf, filenameOf } from "./format";
import { formatLine, parseJournal } from "./journal";
import { meterPosition, SilenceWatch } from "./level";
import { Stopwatch } from "./stopwatch";
import { withDuration } from "./webm";

const BEGIN = formatLine({ begin: { startedAt: 1_000, mimeType: "audio/webm" } });

test("a journal whose last line was cut off tells all that came before", () => {
  const lines = [{ written: 2 }, { mark: 2.5 }, { written: 4 }].map(formatLine).join("");
  const whole = { startedAt: 1_000, mimeType: "audio/webm", seconds: 4, marks: [2.5] };
  expect(parseJournal(BEGIN + lines)).toEqual(whole);
  expect(parseJournal(`${BEGIN}${lines}{"written":6`)).toEqual(whole);
  expect(parseJournal(BEGIN.slice(0, 20))).toBeNull();
  expect(parseJournal("")).toBeNull();
});

test("the recorder writes what the browser can, and names it so", () => {
  expect(chooseMimeType((type) => type.startsWith("audio/webm"))).toBe("audio/webm;codecs=opus");
  expect(chooseMimeType((type) => type === "audio/mp4")).toBe("audio/mp4");
  expect(chooseMimeType(() => false)).toBeNull();
  expect(["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].map(extensionOf)).toEqual([
    "webm",
    "m4a",
    "ogg",
  ]);
  const at = new Date(2026, 10, 9, 8, 5).getTime();
  expect(filenameOf("Recording", at, "audio/mp4")).toBe("Recording 2026-11-09 08.05.m4a");
});

test("pauses do not count", () => {
  const watch = new Stopwatch();
  watch.start(1_000);
  expect(watch.seconds(3_000)).toBe(2);
  watch.stop(4_000);
  expect(watch.seconds(60_000)).toBe(3);
  watch.start(60_000);
  watch.start(61_000);
  expect(watch.seconds(62_000)).toBe(5);
});

test("the meter begins at a quiet room, and only long silence is named", () => {
  expect([0, 0.0001, 1, 2].map(meterPosition)).toEqual([0, 0, 1, 1]);
  expect(meterPosition(0.1)).toBeCloseTo(2 / 3);
  const silence = new SilenceWatch();
  expect([0, 5_000, 7_000].map((now) => silence.add(0, now))).toEqual([false, false, true]);
  expect(silence.add(0.1, 8_000)).toBe(false);
  expect(silence.add(0, 9_000)).toBe(false);
});

/** As a recorder begins: EBML, then a segment of open size with its info and the start of a cluster. */
function makeWebm(info: number[]): Uint8Array<ArrayBuffer> {
  const ebml = [0x1a, 0x45, 0xdf, 0xa3, 0x80];
  const open = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const infoElement = [0x15, 0x49, 0xa9, 0x66, 0x80 | info.length, ...info];
  return new Uint8Array([...ebml, 0x18, 0x53, 0x80, 0x67, ...open, ...infoElement, 0x1f, 0x43, 0xb6, 0x75, ...open]);
}

const SCALE = [0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40];

test("a webm file gets its length, and all else stays where it follows", async () => {
  const file = makeWebm(SCALE);
  const made = new Uint8Array(await new Blob(await withDuration(new Blob([file]), 75.5)).arrayBuffer());
  expect(made.length).toBe(file.length + 18);
  expect(made.slice(-12)).toEqual(file.slice(-12));
  const at = made.findIndex((byte, i) => byte === 0x44 && made[i + 1] === 0x89);
  expect(new DataView(made.buffer).getFloat64(at + 3)).toBe(75_500);
});

test.each([
  ["mp4", new TextEncoder().encode("\0\0\0 ftypisom")],
  ["cut off in its head", makeWebm(SCALE).slice(0, 24)],
  ["empty", new Uint8Array()],
  ["has its length already", makeWebm([...SCALE, 0x44, 0x89, 0x84, 0, 0, 0, 0])],
])("a file that is no recorder's webm stays as it is: %s", async (_, bytes) => {
  const file = new Blob([bytes]);
  expect(await withDuration(file, 10)).toEqual([file]);
});
