/** A stand-in for Groq on a real socket, which keeps its answers back: so long a page shows a recording that is heard. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** `settings` are those of a server that asks it. */
export type HeldEngine = { settings: Record<string, string>; release(): void; close(): void };

/** Paragraphs: each is said in two and a half seconds, and eight seconds after the one before. */
const SENTENCES = ["The harbour opens at seven", "Nadia brings the second crate", "Nobody waits for the ferry"];

/** It hears so many sentences in every recording. */
export async function startHeldEngine(count: number): Promise<HeldEngine> {
  let held: ServerResponse[] | null = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => (held ? held.push(response) : answer(response, count)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    settings: {
      GROQ_API_KEY: `gsk_${"t".repeat(40)}`,
      GROQ_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/openai/v1`,
    },
    release() {
      held?.forEach((response) => answer(response, count));
      held = null;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, count: number): void {
  const phrases = SENTENCES.slice(0, count).map((text, i) => ({ text, start: i * 8, end: i * 8 + 2.5 }));
  const words = phrases.flatMap(({ text, start }) =>
    text.split(" ").map((word, i) => ({ word, start: start + i / 2, end: start + i / 2 + 0.4 })),
  );
  const segments = phrases.map((phrase, id) => ({
    ...{ id, ...phrase },
    ...{ avg_logprob: -0.2, compression_ratio: 1, no_speech_prob: 0 },
  }));
  const body = {
    text: phrases.map(({ text }) => text).join(" "),
    language: "English",
    duration: count * 8,
    segments,
    words,
  };
  response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}
