import { expect, test } from "vitest";
import { readFile } from "node:fs/promises";
import { kindOf, refuseKind } from "./kinds";

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test.each([
  ["a pdf", "%PDF-1.7\n", "document"],
  ["a zip, a docx", "PK\x03\x04\x14\0", "archive"],
  ["a gzipped file", "\x1f\x8b\x08", "archive"],
  ["a photo", "\xff\xd8\xff\xe1", "picture"],
  ["a phone's photo", "\0\0\0\x18ftypheic", "picture"],
  ["a drawing", "<?xml version='1.0'?>\n<!-- a -->\n<svg xmlns='x'>", "picture"],
  ["a page that asks for a sign-in", "\n<!doctype HTML><html>", "document"],
  ["subtitles", "1\r\n00:00:01,000 --> 00:00:02,000\r\nhi", "subtitles"],
  ["a playlist", "\xef\xbb\xbf#EXTM3U\n", "playlist"],
])("%s is no recording, whatever it is called", (_, head, kind) => {
  expect(kindOf(bytes(head))).toBe(kind);
});

test.each([
  "ID3\x04",
  "\xff\xfb\x90",
  "RIFF\x24\0\0\0WAVEfmt ",
  "\0\0\0\x20ftypM4A ",
  "OggS",
  "fLaC",
  "\x1aE\xdf\xa3",
  "",
])("what may be a recording is left to the server: %j", (head) => {
  expect(kindOf(bytes(head))).toBeNull();
});

test("the tests' own recordings are none of these kinds", async () => {
  for (const name of ["english-short.wav", "english.flac"])
    expect(kindOf(await readFile(new URL(`../../../tests/data/${name}`, import.meta.url)))).toBeNull();
});

test("a file that was moved away is said to be unreadable", async () => {
  const moved = new File(["x"], "a.mp3");
  moved.slice = () => {
    throw new DOMException("gone", "NotFoundError");
  };
  expect((await refuseKind(moved, "a.mp3"))!({ language: "es" })).toContain("no se puede leer");
});
