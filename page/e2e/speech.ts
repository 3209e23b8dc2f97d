/** Longer recordings, made of the short ones of the tests: real voices, so that the embedded engine has work to do. */
import { readFile } from "node:fs/promises";
import { recording } from "./environment";

const PARTS = ["spanish-busy.wav", "spanish-directory.wav", "spanish-queue.wav", "spanish-no-service.wav"];

/** So many rounds of the same sentences, as one wav. */
export async function makeSpeech(rounds: number): Promise<Buffer> {
  const parts = await Promise.all(PARTS.map(async (name) => readFile(recording(name))));
  const [head] = parts;
  const sound = Buffer.concat(Array.from({ length: rounds }, () => parts.map((part) => part.subarray(44))).flat());
  const header = Buffer.from(head!.subarray(0, 44));
  header.writeUInt32LE(36 + sound.length, 4);
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
}
