/** A stand-in for Groq on a real socket: it hears the same sentences in every recording, and costs no processor time. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Engine = {
  /** Those of a server that asks it. */
  settings: Record<string, string>;
  /** From now on, or after so many answers, it keeps its answers back: so long a page shows a recording that is heard. */
  hold(after?: number): void;
  release(): void;
  close(): void;
};

/** Paragraphs: a word takes half a second, and each begins eight seconds after the one before. */
export const SENTENCES = ["The harbour opens at seven", "Nadia brings the second crate", "Nobody waits for the ferry"];

/** It hears these in every recording. */
export async function startEngine(sentences: readonly string[] = SENTENCES.slice(0, 1)): Promise<Engine> {
  let answersLeft = Infinity;
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => (answersLeft-- > 0 ? answer(response, sentences) : held.push(response)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    settings: {
      GROQ_API_KEY: `gsk_${"t".repeat(40)}`,
      GROQ_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/openai/v1`,
    },
    hold: (after = 0) => void (answersLeft = after),
    release() {
      answersLeft = Infinity;
      for (const response of held.splice(0)) answer(response, sentences);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, sentences: readonly string[]): void {
  const phrases = sentences.map((text, i) => ({ text, start: i * 8, end: i * 8 + text.split(" ").length / 2 }));
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
    duration: sentences.length * 8,
    segments,
    words,
  };
  response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}
