/**
 * Cuts what is recorded into pieces that overlap, each a file of its own: two recorders take turns on the same stream,
 * so that every second is in two pieces, and far from an edge in one of them.
 */
import { BITS_PER_SECOND } from "./format";

/** Seconds. A word waits at most a step and the time that the server takes. */
const LENGTH = 10;
const STEP = 5;

/** Milliseconds between two looks at the time. */
const TICK = 200;

/** In seconds of the recording; `next` is where the next piece starts. */
export type Piece = { sound: Blob; start: number; end: number; next: number };

type Source = {
  readonly stream: MediaStream;
  readonly mimeType: string;
  readonly seconds: number;
  readonly isPaused: boolean;
  readonly state: { subscribe(listener: () => void): () => void };
};

type Running = { recorder: MediaRecorder; start: number; next: number | null; chunks: Blob[] };

export class Pieces {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;
  #running: Running[] = [];

  constructor(
    private readonly source: Source,
    private readonly onPiece: (piece: Piece) => void,
  ) {
    this.#begin();
    this.#timer = setInterval(() => this.#look(), TICK);
    this.#unsubscribe = source.state.subscribe(() => this.#look()); // a pause counts at once
  }

  /** What has not become a piece is let go: the whole recording has it. */
  end(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    for (const { recorder } of this.#running.splice(0)) {
      recorder.onstop = recorder.ondataavailable = null;
      if (recorder.state !== "inactive") recorder.stop();
    }
  }

  #look(): void {
    const { isPaused, seconds } = this.source;
    for (const { recorder } of this.#running) {
      if (isPaused && recorder.state === "recording") recorder.pause();
      if (!isPaused && recorder.state === "paused") recorder.resume();
    }
    if (isPaused) return;
    if (seconds - this.#running.at(-1)!.start >= STEP) this.#begin();
    for (const { recorder, start, next } of this.#running)
      if (next !== null && seconds - start >= LENGTH && recorder.state !== "inactive") recorder.stop();
  }

  #begin(): void {
    const { stream, mimeType, seconds } = this.source;
    const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    const piece: Running = { recorder, start: seconds, next: null, chunks: [] };
    const before = this.#running.at(-1);
    if (before) before.next = seconds;
    recorder.ondataavailable = ({ data }) => void piece.chunks.push(data);
    recorder.onstop = () => this.#finish(piece);
    recorder.start();
    this.#running.push(piece);
  }

  #finish(piece: Running): void {
    this.#running = this.#running.filter((one) => one !== piece);
    const { start, chunks } = piece;
    const end = this.source.seconds;
    this.onPiece({ sound: new Blob(chunks, { type: this.source.mimeType }), start, end, next: piece.next ?? end });
  }
}
