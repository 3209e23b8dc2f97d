/** One job's events as they happen, over the API's WebSocket; comes back by itself when it is cut. */
import { type Job, fromApi } from "./job.js";

export type Piece = { index: number; start: number; end: number; text: string };

export type LiveEvents = {
  onJob(job: Job): void;
  /** `all` when these are every piece there is so far, and not just the next. */
  onPieces(pieces: Piece[], job: Job, all: boolean): void;
};

const UNKNOWN_JOB = 4404;
const EXPIRED = 4410;
const TOO_MANY = 4429;

const SILENT_FOR = 75_000; // the server's heartbeat is well within
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
const FULL_HOUSE_PAUSE = 60_000;

/** Listens until the job has ended, or the returned function is called. */
export function listen(jobId: string, url: string, { onJob, onPieces }: LiveEvents): () => void {
  let socket: WebSocket | null = null;
  let lastSeq = 0;
  let pause = FIRST_PAUSE;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  function connect() {
    const address = new URL(url);
    const place = lastSeq > 0 ? { after: lastSeq } : {};
    if (lastSeq > 0) address.searchParams.set("after", String(lastSeq));
    const mine = (socket = new WebSocket(address));
    expectMore(mine);
    mine.onopen = () => mine.send(JSON.stringify({ jobId, ...place }));
    mine.onmessage = ({ data }) => {
      if (stopped) return;
      expectMore(mine);
      pause = FIRST_PAUSE;
      receive(data);
    };
    mine.onerror = () => {}; // a close follows, and says all there is to know
    mine.onclose = ({ code }) => {
      clearTimeout(timer);
      if (stopped || code === UNKNOWN_JOB || code === EXPIRED) return;
      timer = setTimeout(connect, code === TOO_MANY ? FULL_HOUSE_PAUSE : pause * (0.5 + Math.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  }

  /** A dead network closes nothing. */
  function expectMore(mine: WebSocket) {
    clearTimeout(timer);
    timer = setTimeout(() => mine.close(), SILENT_FOR);
  }

  function receive(data: unknown) {
    try {
      const message = JSON.parse(String(data));
      if (!message.job) return; // a heartbeat
      const { job } = fromApi(message.job);
      if (message.type === "snapshot") onPieces(message.pieces ?? [], job, lastSeq === 0);
      const { index, start, end, text } = message;
      if (message.type === "text") onPieces([{ index, start, end, text }], job, false);
      lastSeq = Math.max(lastSeq, Number(message.seq) || 0);
      onJob(job);
    } catch (error) {
      console.warn("A live message of the transcription service cannot be read.", error);
    }
  }

  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket?.close();
  };
}
