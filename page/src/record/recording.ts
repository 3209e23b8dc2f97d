/** One recording from its first sound to its file: what is captured, kept and counted. */
import { signal, type Signal } from "../app/signal";
import { randomUuid } from "../../../web/src/browser/random";
import { BITS_PER_SECOND, chooseMimeType } from "./format";
import { lockName, openKept } from "./kept";
import { Mixer, type SourceEvent } from "./mixer";
import { needsMicrophone, problemOf, type Source, type SourceProblem, SourceUnavailable } from "./sources";
import { Stopwatch } from "./stopwatch";
import { keepAwake } from "./wakeLock";
import { Writer } from "./writer";

/** Milliseconds between two chunks, and so the most that a killed browser loses. */
const TIMESLICE = 2_000;

export type RecordingState = {
  /** `interrupted`: a call, or a microphone that went; it goes on when that is over. */
  phase: "recording" | "paused" | "interrupted" | "finished";
  marks: readonly number[];
  /** The browser keeps no more of it: from there on it is only in memory. */
  isInMemory: boolean;
  problem: SourceProblem | "tabEnded" | null;
};

export class Recording {
  readonly id = randomUuid();
  readonly startedAt = Date.now();
  readonly mimeType: string;
  readonly state: Signal<RecordingState>;
  readonly finished: Promise<void>;
  readonly #mixer: Mixer;
  readonly #recorder: MediaRecorder;
  readonly #writer: Writer;
  readonly #watch = new Stopwatch();
  readonly #ends: Array<() => void> = [];

  private constructor(
    private readonly source: Source,
    mixer: Mixer,
    mimeType: string,
  ) {
    this.state = signal<RecordingState>({ phase: "recording", marks: [], isInMemory: false, problem: null });
    this.#mixer = mixer;
    this.mimeType = mimeType;
    this.#recorder = new MediaRecorder(mixer.stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.ondataavailable = ({ data }) => this.#keep(data);
    this.finished = new Promise((resolve) => {
      this.#recorder.onstop = () => resolve(this.#close());
    });
    this.#recorder.start(TIMESLICE); // before all that would have to be undone where it throws
    const begin = { begin: { startedAt: this.startedAt, mimeType } };
    this.#writer = new Writer(this.id, begin, () => this.#change({ isInMemory: true }));
    this.#lock();
    this.#watch.start(performance.now());
    this.#listen();
  }

  /** Asks the person for the sound. Raises SourceUnavailable. */
  static async start(source: Source): Promise<Recording> {
    const mimeType = chooseMimeType((one) => MediaRecorder.isTypeSupported(one));
    if (!mimeType) throw new SourceUnavailable("unsupported");
    let recording: Recording | null = null;
    const mixer = new Mixer((event) => recording?.onSource(event));
    try {
      await mixer.open(source);
      return (recording = new Recording(source, mixer, mimeType));
    } catch (error) {
      await mixer.close(); // no microphone stays open that nobody records
      throw error;
    }
  }

  get seconds(): number {
    return this.#watch.seconds(performance.now());
  }

  get isPaused(): boolean {
    return this.state.value.phase !== "recording";
  }

  get level(): number {
    return this.isPaused ? 0 : this.#mixer.level;
  }

  get stream(): MediaStream {
    return this.#mixer.stream;
  }

  pause(): void {
    this.#halt("paused");
  }

  /** Opens again what has gone. Where that fails, `problem` says why, and it goes on with what there is. */
  resume(): Promise<void> {
    return this.#resumeWith(this.source);
  }

  async #resumeWith(source: Source): Promise<void> {
    const problem = await this.#mixer.open(source).then(() => null, problemOf);
    if (problem && !this.#mixer.hasSource) return this.#change({ problem });
    if (this.#recorder.state !== "paused") return this.#change({ problem });
    this.#recorder.resume();
    this.#watch.start(performance.now());
    this.#change({ phase: "recording", problem });
  }

  /** Without a click no browser gives the sound of a tab: it goes on with the microphone. */
  #resumeByItself(): Promise<void> {
    return this.#resumeWith(needsMicrophone(this.source) ? "microphone" : this.source);
  }

  mark(): void {
    const mark = Math.round(this.seconds * 10) / 10;
    this.#change({ marks: [...this.state.value.marks, mark] });
    void this.#writer.write({ mark });
  }

  /** `finished` follows; it also does where the browser's recorder fails. */
  stop(): void {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  /** The whole of it, once it is finished. It stays in the browser's file system until `removeKept`. */
  file(word: string): Promise<File> {
    const { id, startedAt, seconds, mimeType } = this;
    return openKept({ id, startedAt, seconds, mimeType }, word, this.#writer.inMemory);
  }

  /** Lets other tabs, and the list of kept recordings, have it. */
  release(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  onSource(event: SourceEvent): void {
    const { phase } = this.state.value;
    if (event === "unmuted") return void (phase === "interrupted" && this.#resumeByItself());
    if (event === "muted" || !this.#mixer.hasSource) this.#halt("interrupted");
    if (event === "muted") return;
    if (event.ended === "tab") this.#change({ problem: "tabEnded" });
    else void this.#reopenMicrophone();
  }

  /** The next microphone where one was unplugged; without one, the sound of the tab goes on alone. */
  async #reopenMicrophone(): Promise<void> {
    if (this.state.value.phase === "paused") return; // `resume` opens it
    try {
      await this.#mixer.open("microphone");
    } catch (error) {
      return this.#change({ problem: problemOf(error) });
    }
    if (this.state.value.phase === "interrupted") await this.#resumeByItself();
  }

  #halt(phase: "paused" | "interrupted"): void {
    if (this.#recorder.state !== "recording") return;
    this.#recorder.requestData(); // what was said before is in the file, however long the pause
    this.#recorder.pause();
    this.#watch.stop(performance.now());
    this.#change({ phase });
  }

  #keep(data: Blob): void {
    if (data.size > 0) void this.#writer.write({ written: Math.round(this.seconds * 100) / 100 }, data);
  }

  async #close(): Promise<void> {
    this.#watch.stop(performance.now());
    await this.#writer.close();
    await this.#mixer.close();
    this.#change({ phase: "finished" });
  }

  #listen(): void {
    const flush = () => document.visibilityState === "hidden" && this.#flush();
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    document.addEventListener("visibilitychange", flush);
    addEventListener("beforeunload", warn);
    this.#ends.push(keepAwake(), () => {
      document.removeEventListener("visibilitychange", flush);
      removeEventListener("beforeunload", warn);
    });
  }

  #flush(): void {
    if (this.#recorder.state === "recording") this.#recorder.requestData();
  }

  /** As long as this tab lives and has not released it. */
  #lock(): void {
    const released = new Promise<void>((resolve) => this.#ends.push(resolve));
    void navigator.locks.request(lockName(this.id), () => released);
  }

  #change(change: Partial<RecordingState>): void {
    this.state.set({ ...this.state.value, ...change });
  }
}
