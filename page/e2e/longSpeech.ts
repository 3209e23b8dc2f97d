/** Minutes of real speech with known words, and how many words of a text are wrong: `tests/long_speech.py`. */
import { spawn } from "node:child_process";
import { python, ROOT } from "./environment";

export type Language = "en" | "es";

/** Writes the recording to `path`; resolves to its words. */
export const makeLongSpeech = (language: Language, seconds: number, path: string): Promise<string> =>
  run(["make", language, String(seconds), path]);

type Texts = { truth: string; text: string; isCutOff: boolean };

/** Per cent of the words. Of a recording that was cut off the truth may end anywhere. */
export const percentWrong = async (texts: Texts): Promise<number> =>
  100 * Number(await run(["score"], JSON.stringify(texts)));

function run(command: string[], input = ""): Promise<string> {
  const child = spawn(python, ["-m", "tests.long_speech", ...command], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(input);
  let output = "";
  child.stdout.on("data", (data) => (output += String(data)));
  return new Promise((resolve, reject) => {
    child.once("close", (code) => (code === 0 ? resolve(output.trim()) : reject(new Error(`It exits with ${code}.`))));
  });
}
