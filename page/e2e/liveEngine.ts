/**
 * A stand-in for Groq on a real socket, as fast as Groq: it "hears" a number every half second of the clock on the wall.
 * A piece that arrives now was spoken until now, so its numbers are those of its last ten seconds.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Seconds, of one piece; a number's voice is a little shorter than its half second. */
const PIECE = 10;
const PACE = 0.5;
const SPOKEN = 0.4;

/** Milliseconds that Groq takes for so short a recording. */
const LATENCY = 400;

export type LiveEngine = { url: string; spokenAt(number: number): number; close(): void };

export async function startLiveEngine(): Promise<LiveEngine> {
  let begin: number | null = null; // epoch milliseconds
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const now = Date.now();
      begin ??= now - PIECE * 1_000;
      const body = JSON.stringify(hear((now - begin) / 1_000 - PIECE));
      setTimeout(() => response.setHeader("content-type", "application/json").end(body), LATENCY);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spokenAt: (number) => (begin ?? 0) + (number * PACE + SPOKEN) * 1_000,
    close: () => server.close(),
  };
}

/** The answer to a piece that starts there, in Groq's shape. */
function hear(start: number) {
  const words = [];
  for (let number = Math.ceil(start / PACE); number * PACE + SPOKEN <= start + PIECE; number++) {
    const at = number * PACE - start;
    words.push({ word: `number${number}`, start: at, end: at + SPOKEN });
  }
  const text = words.map(({ word }) => word).join(" ");
  const segment = { id: 0, start: 0, end: PIECE, text, avg_logprob: -0.2, compression_ratio: 1, no_speech_prob: 0 };
  return { text, language: "English", duration: PIECE, segments: [segment], words };
}
