/** Longer recordings, made of the short ones of the tests: real voices, so that the embedded engine has work to do. */
import { readFile } from "node:fs/promises";
import { recording } from "./environment";

const PARTS = ["spanish-busy.wav", "spanish-directory.wav", "spanish-queue.wav", "spanish-no-service.wav"];

/** Bytes: 16-bit samples at 8 kHz. */
const SECOND = 16_000;

/** The same sentences again and again for so many seconds, as one wav. */
export async function makeSpeech(seconds: number): Promise<Buffer> {
  const parts = await Promise.all(PARTS.map(async (name) => readFile(recording(name))));
  const [head] = parts;
  const once = Buffer.concat(parts.map((part) => part.subarray(44)));
  const rounds = Math.ceil((seconds * SECOND) / once.length);
  const sound = Buffer.concat(Array.from({ length: rounds }, () => once)).subarray(0, seconds * SECOND);
  const header = Buffer.from(head!.subarray(0, 44));
  header.writeUInt32LE(36 + sound.length, 4);
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
}
