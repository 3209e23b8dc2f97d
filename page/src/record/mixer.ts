/**
 * All sources as one stream that never ends. A recorder stops for ever when its track ends, as a phone's microphone does
 * when a call comes in; the mixer's own track goes on, and takes the next microphone.
 */
import { needsMicrophone, needsTab, openMicrophone, openTab, type Source } from "./sources";

type Name = "microphone" | "tab";

/** What happened: there is no sound for now, there is sound again, or a source has gone. */
export type SourceEvent = "muted" | "unmuted" | { ended: Name };

export class Mixer {
  readonly #context = new AudioContext();
  readonly #output = this.#context.createMediaStreamDestination();
  readonly #analyser = this.#context.createAnalyser();
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #streams = new Map<Name, { stream: MediaStream; node: AudioNode }>();

  constructor(private readonly onEvent: (event: SourceEvent) => void) {
    this.#output.channelCount = 1;
    this.#output.channelCountMode = "explicit";
    this.#analyser.fftSize = 2_048;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.connect(this.#output);
    this.#context.onstatechange = () => this.#followContext();
  }

  get stream(): MediaStream {
    return this.#output.stream;
  }

  /** Opens what of `source` is not open. Raises SourceUnavailable. */
  async open(source: Source): Promise<void> {
    try {
      // The tab first: a browser asks for it only right after a click.
      if (needsTab(source) && !this.#streams.has("tab")) this.#connect("tab", await openTab());
      if (needsMicrophone(source) && !this.#streams.has("microphone"))
        this.#connect("microphone", await openMicrophone());
    } finally {
      if (this.hasSource) await this.#context.resume();
    }
  }

  get hasSource(): boolean {
    return this.#streams.size > 0;
  }

  /** How loud it is right now: the effective value of the last 43 ms, 0 to 1. */
  get level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return Math.sqrt(this.#samples.reduce((sum, one) => sum + one * one, 0) / this.#samples.length);
  }

  async close(): Promise<void> {
    this.#context.onstatechange = null;
    for (const name of [...this.#streams.keys()]) this.#disconnect(name);
    await this.#context.close().catch(() => {});
  }

  /** Whether nothing is open but a microphone that gives no sound. */
  get #isMuted(): boolean {
    if (this.#streams.has("tab")) return false;
    return this.#streams.get("microphone")?.stream.getAudioTracks()[0]?.muted ?? false;
  }

  #connect(name: Name, stream: MediaStream): void {
    const node = this.#context.createMediaStreamSource(stream);
    node.connect(this.#analyser);
    this.#streams.set(name, { stream, node });
    const [track] = stream.getAudioTracks();
    // A tab is often silent; a microphone is muted by a call, or by a switch on it: then the tab is still recorded.
    if (name === "microphone") {
      track!.onmute = () => this.#streams.has("tab") || this.onEvent("muted");
      track!.onunmute = () => this.onEvent("unmuted");
    }
    track!.onended = () => {
      this.#disconnect(name);
      this.onEvent({ ended: name });
      if (this.#isMuted) this.onEvent("muted"); // of the microphone no event comes any more
    };
  }

  #disconnect(name: Name): void {
    const open = this.#streams.get(name);
    if (!open) return;
    this.#streams.delete(name);
    open.node.disconnect();
    for (const track of open.stream.getTracks()) {
      track.onmute = track.onunmute = track.onended = null;
      track.stop();
    }
  }

  /** Safari interrupts all sound of a page during a call. */
  #followContext(): void {
    const state = this.#context.state as AudioContextState | "interrupted";
    if (state === "running") this.onEvent("unmuted");
    else if (state !== "closed") this.onEvent("muted");
  }
}
