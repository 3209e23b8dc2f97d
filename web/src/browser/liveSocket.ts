/** One job's live events from the API's WebSocket, which reconnects by itself. */
import type { AccessToken } from "./accessTokens.js";
import { type Job, fromApi } from "./job.js";

/** With `partial` it is the text so far, and the next one of the same index replaces it. */
export type Piece = { index: number; start: number; end: number; text: string; partial?: boolean };

export type LiveEvents = {
  onJob(job: Job): void;
  /** `isComplete`: `pieces` holds all pieces so far, and not just the next one. */
  onPieces(pieces: Piece[], job: Job, isComplete: boolean): void;
};

/**
 * The token for the socket, where the API asks for access keys. `refused` is the token that it has just refused, null
 * where it had none.
 */
export type SocketAccess = (refused?: AccessToken | null) => Promise<AccessToken | null>;

/** What the API accepts beside a token, which a browser can send as a subprotocol only. */
const SUBPROTOCOL = "escriba";

/** Close codes of the API. */
const UNAUTHORIZED = 4401;
const UNKNOWN_JOB = 4404;
const EXPIRED = 4410;
const TOO_MANY = 4429;

// Milliseconds.
const LONGEST_SILENCE = 75_000; // the API sends a heartbeat more often
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
const PAUSE_AFTER_TOO_MANY = 60_000;

/** Passes the events on until the job has ended or the returned function is called. */
export function listen(jobId: string, url: string, events: LiveEvents, access?: SocketAccess): () => void {
  const socket = new LiveSocket(jobId, url, events, access);
  void socket.connect();
  return () => socket.stop();
}

class LiveSocket {
  #socket: WebSocket | null = null;
  #lastSeq = 0;
  #pause = FIRST_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #token: AccessToken | null = null;
  #isRefused = false;

  constructor(
    private readonly jobId: string,
    private readonly url: string,
    private readonly events: LiveEvents,
    private readonly access: SocketAccess | undefined,
  ) {}

  async connect(): Promise<void> {
    try {
      if (this.access) this.#token = await (this.#isRefused ? this.access(this.#token) : this.access());
      if (!this.#isStopped) this.#open(this.#token?.token);
    } catch {
      this.#reconnect(UNAUTHORIZED); // there may be a token later
    }
  }

  #open(token: string | undefined): void {
    const url = new URL(this.url);
    const position = this.#lastSeq > 0 ? { after: this.#lastSeq } : {};
    if (this.#lastSeq > 0) url.searchParams.set("after", String(this.#lastSeq));
    const socket = (this.#socket = token === undefined ? new WebSocket(url) : new WebSocket(url, [SUBPROTOCOL, token]));
    this.#expectMessage(socket);
    // API Gateway passes on no token before the first message.
    const key = token === undefined ? {} : { key: token };
    socket.onopen = () => socket.send(JSON.stringify({ jobId: this.jobId, ...position, ...key }));
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
    this.#isRefused = code === UNAUTHORIZED;
    const pause = code === TOO_MANY ? PAUSE_AFTER_TOO_MANY : this.#pause * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.connect(), pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  /** API Gateway sends its refusal as a message, where the container closes the socket with a code. */
  #endRefused(code: number): void {
    this.#socket!.onclose = null;
    this.#socket!.close();
    this.#reconnect(code);
  }

  #receive(data: unknown): void {
    try {
      const message = JSON.parse(String(data));
      if (message.type === "error") return this.#endRefused(4000 + Number(message.status));
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
