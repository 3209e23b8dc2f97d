/** One job's live events from the API's WebSocket, which reconnects by itself. */
import { type Job, fromApi } from "./job.js";

/** With `partial` it is the text so far, and the next one of the same index replaces it. */
export type Piece = { index: number; start: number; end: number; text: string; partial?: boolean };

export type LiveEvents = {
  onJob(job: Job): void;
  /** `isComplete`: `pieces` holds all pieces so far, and not just the next one. */
  onPieces(pieces: Piece[], job: Job, isComplete: boolean): void;
};

/** Close codes of the API. */
const UNKNOWN_JOB = 4404;
const EXPIRED = 4410;
const TOO_MANY = 4429;

// Milliseconds.
const LONGEST_SILENCE = 75_000; // the API sends a heartbeat more often
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
const PAUSE_AFTER_TOO_MANY = 60_000;

/** Passes the events on until the job has ended or the returned function is called. */
export function listen(jobId: string, url: string, events: LiveEvents): () => void {
  const socket = new LiveSocket(jobId, url, events);
  socket.connect();
  return () => socket.stop();
}

class LiveSocket {
  #socket: WebSocket | null = null;
  #lastSeq = 0;
  #pause = FIRST_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(
    private readonly jobId: string,
    private readonly url: string,
    private readonly events: LiveEvents,
  ) {}

  connect(): void {
    const url = new URL(this.url);
    const position = this.#lastSeq > 0 ? { after: this.#lastSeq } : {};
    if (this.#lastSeq > 0) url.searchParams.set("after", String(this.#lastSeq));
    const socket = (this.#socket = new WebSocket(url));
    this.#expectMessage(socket);
    socket.onopen = () => socket.send(JSON.stringify({ jobId: this.jobId, ...position }));
    socket.onmessage = ({ data }) => {
      if (this.#isStopped) return;
      this.#expectMessage(socket);
      this.#pause = FIRST_PAUSE;
      this.#receive(data);
    };
    socket.onerror = () => {}; // a close event follows
    socket.onclose = ({ code }) => this.#reconnect(code);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** A dead network closes no socket: this does, after a silence. */
  #expectMessage(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => socket.close(), LONGEST_SILENCE);
  }

  #reconnect(code: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || code === UNKNOWN_JOB || code === EXPIRED) return;
    const pause = code === TOO_MANY ? PAUSE_AFTER_TOO_MANY : this.#pause * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.connect(), pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #receive(data: unknown): void {
    try {
      const message = JSON.parse(String(data));
      if (!message.job) return; // a heartbeat
      const { job } = fromApi(message.job);
      if (message.type === "snapshot") this.events.onPieces(message.pieces ?? [], job, this.#lastSeq === 0);
      const { index, start, end, text } = message;
      if (message.type === "text") this.events.onPieces([{ index, start, end, text }], job, false);
      this.#lastSeq = Math.max(this.#lastSeq, Number(message.seq) || 0);
      this.events.onJob(job);
    } catch (error) {
      console.warn("The page could not read a live event of the transcription service.", error);
    }
  }
}
