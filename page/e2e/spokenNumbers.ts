/** Speech whose words are numbers, and an engine of Groq's speed that hears them in the sound: `tests/spoken_numbers.py`. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { python, ROOT } from "./environment";

export type SpokenNumbers = {
  /** The base URL of an API like Groq's. */
  url: string;
  /** Seconds of the recording at which each number has been said. */
  ends: readonly number[];
  close(): void;
};

/** The settings of a server that asks the engine. */
export const settingsOf = ({ url }: SpokenNumbers): Record<string, string> => ({
  GROQ_API_KEY: `gsk_${"t".repeat(40)}`,
  GROQ_BASE_URL: url,
});

/** The numbers that were heard, in a text. */
export const numbersIn = (text: string): number[] =>
  [...text.matchAll(/number(\d+)/gi)].map(([, number]) => Number(number));

/** Writes the recording to `path`; it is `seconds` long. */
export async function startSpokenNumbers(seconds: number, path: string): Promise<SpokenNumbers> {
  const child = spawn(python, ["-m", "tests.spoken_numbers", String(seconds), path], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout }))
    return { ...(JSON.parse(line) as Pick<SpokenNumbers, "url" | "ends">), close: () => void child.kill() };
  throw new Error("The engine did not start.");
}
