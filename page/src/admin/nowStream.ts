/** The server's readings as they change: an event stream read by `fetch`, since EventSource cannot send a key. */
import { createParser } from "eventsource-parser";
import { endpoint } from "../server/address";
import { asProblem, headers, type Problem, problemOf, Refused } from "./api";

type Window = { limit: number; remaining: number; fullInSeconds: number };

export type Reading = {
  at: string;
  version: string;
  engine: string;
  problems: string[];
  pause: { since: string; by: string; reason: string | null } | null;
  jobs: {
    queued: number;
    processing: number;
    waiting: number;
    oldestDueSeconds: number;
    waitingFor: Record<string, { jobs: number; until: string | null }>;
  } | null;
  here: Record<"transcriptions" | "line" | "jobs" | "watchers" | "uptimeSeconds", number> & {
    memoryBytes: number | null;
  };
  deliveries: Record<string, { open: number; problem?: string }> | null;
  quota: Record<string, Window> | null;
  forecast: { minutes: number; waitSeconds: number } | null;
  storage: { usedBytes: number | null; limitBytes: number };
};

export type Connection = "connecting" | "live" | "lost" | "asleep";

export type Watcher = {
  onReading: (reading: Reading) => void;
  onConnection: (connection: Connection, problem?: Problem) => void;
};

/** Milliseconds. The server sends something every 15 seconds, unless it is set otherwise. */
const [FIRST_PAUSE, LONGEST_PAUSE, NO_ANSWER, SILENCE] = [2_000, 30_000, 20_000, 75_000];
/** A server that ends a stream after one reading, as Lambda does, is asked again after this. */
const POLL = 10_000;

/** Connects as long as the tab is seen. Returns what ends it. */
export function watchNow(watcher: Watcher): () => void {
  let current: AbortController | null = null;
  const update = () => {
    if (document.hidden) {
      current?.abort();
      current = null;
      watcher.onConnection("asleep");
    } else if (!current) {
      current = new AbortController();
      void run(watcher, current.signal);
    }
  };
  update();
  document.addEventListener("visibilitychange", update);
  return () => {
    document.removeEventListener("visibilitychange", update);
    current?.abort();
  };
}

async function run(watcher: Watcher, signal: AbortSignal): Promise<void> {
  let pause = FIRST_PAUSE;
  const onReading = (reading: Reading) => {
    pause = FIRST_PAUSE;
    watcher.onReading(reading);
    watcher.onConnection("live");
  };
  watcher.onConnection("connecting");
  while (!signal.aborted) {
    const problem = await read(onReading, signal).then(
      () => null,
      (error: unknown) => asProblem(error),
    );
    if (signal.aborted) return;
    if (problem) watcher.onConnection("lost", problem);
    // Spread, so that many dashboards do not come back at once.
    await sleep(problem ? pause * (0.75 + Math.random() / 2) : POLL, signal);
    if (problem) pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

/** Until the server ends it in order. Throws when there is no answer, the connection breaks or is silent, and Refused. */
async function read(onReading: (reading: Reading) => void, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const end = () => ended.abort();
  const within = <T>(milliseconds: number, step: Promise<T>) => {
    const timer = setTimeout(end, milliseconds);
    return step.finally(() => clearTimeout(timer));
  };
  signal.addEventListener("abort", end);
  try {
    const asked = fetch(endpoint("admin/now/events"), { headers: headers(), signal: ended.signal });
    const response = await within(NO_ANSWER, asked);
    if (!response.ok || !response.body) throw new Refused(await within(NO_ANSWER, problemOf(response)));
    const parser = createParser({ onEvent: ({ data }) => onReading(JSON.parse(data) as Reading) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await within(SILENCE, reader.read());
      if (done) return;
      parser.feed(value);
    }
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

const sleep = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
