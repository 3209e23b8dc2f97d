/** A recording on its way into the browser's file system; in memory from the moment that the browser refuses. */
import { formatLine, type JournalLine } from "./journal";
import type { WriterAnswer, WriterRequest } from "./writer.worker";

/** The name of the built worker, which stands beside this script. */
declare const WRITER_WORKER: string;

export class Writer {
  readonly #worker: Worker;
  readonly #waiting: Array<(answer: WriterAnswer) => void> = [];
  /** What the browser did not take, in order. */
  readonly #inMemory: Blob[] = [];
  /** Chunks are read one after the other, so that they stay in order. */
  #last: Promise<void>;
  #isBroken = false;

  /** `onBroken` is called once, when the browser keeps no more. */
  constructor(
    id: string,
    begin: JournalLine,
    private readonly onBroken: () => void,
  ) {
    this.#worker = new Worker(new URL(WRITER_WORKER, import.meta.url));
    this.#worker.onmessage = ({ data }: MessageEvent<WriterAnswer>) => this.#waiting.shift()?.(data);
    this.#worker.onerror = () => {
      for (const answer of this.#waiting.splice(0)) answer({ problem: "WorkerFailed" });
    };
    this.#last = this.#ask({ open: id }).then((isKept) => this.#note(isKept));
    void this.write(begin);
  }

  /** Resolves when the line, and the chunk before it, are in the file or held in memory. */
  write(line: JournalLine, chunk?: Blob): Promise<void> {
    this.#last = this.#last.then(async () => {
      const isKept = !this.#isBroken && (await this.#append(formatLine(line), chunk).catch(() => false));
      if (!isKept && chunk) this.#inMemory.push(chunk);
      this.#note(isKept);
    });
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#last;
    if (!this.#isBroken) await this.#ask({ close: true });
    this.#worker.terminate();
  }

  /** The end of the recording that is in no file. */
  get inMemory(): readonly Blob[] {
    return this.#inMemory;
  }

  async #append(line: string, chunk?: Blob): Promise<boolean> {
    if (!chunk) return this.#ask({ line });
    const bytes = await chunk.arrayBuffer();
    return this.#ask({ line, chunk: bytes }, [bytes]);
  }

  #ask(request: WriterRequest, transfer: Transferable[] = []): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(({ problem }) => {
        if (problem) console.warn("The browser does not keep the recording:", problem);
        resolve(problem === null);
      });
      this.#worker.postMessage(request, transfer);
    });
  }

  #note(isKept: boolean): void {
    if (isKept || this.#isBroken) return;
    this.#isBroken = true;
    this.onBroken();
  }
}
