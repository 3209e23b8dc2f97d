/** Plays one recording, and says where it is; a person's step back on resume is its own rule. */
import { type Signal, signal } from "../app/signal";
import { prefer, preferences } from "../store/preferences";

export type PlayerState = {
  /** `absent`: this browser has no recording to play. */
  status: "absent" | "loading" | "ready" | "unplayable";
  isPlaying: boolean;
  duration: number;
};

/** Seconds that a person wants to hear again after a pause. */
const STEP_BACK = 1;

export const SLOWEST = 0.5;
export const FASTEST = 3;

export class Player {
  readonly state: Signal<PlayerState> = signal<PlayerState>({ status: "absent", isPlaying: false, duration: 0 });
  readonly #audio = document.createElement("audio");
  readonly #listeners = new Set<(time: number) => void>();
  #url = "";
  #frame = 0;
  /** Where it was paused, so that it resumes a little before; null when it was moved since. */
  #pausedAt: number | null = null;

  constructor() {
    const { state } = this;
    const change = (next: Partial<PlayerState>) => state.set({ ...state.value, ...next });
    this.#audio.preload = "auto";
    this.#audio.onloadedmetadata = () => change({ status: "ready", duration: this.#audio.duration });
    this.#audio.ondurationchange = () => change({ duration: this.#audio.duration });
    this.#audio.onerror = () => change({ status: this.#url ? "unplayable" : "absent", isPlaying: false });
    this.#audio.onplay = () => {
      change({ isPlaying: true });
      this.#tick();
    };
    this.#audio.onpause = () => change({ isPlaying: false });
    this.#audio.onseeked = () => this.#tell();
    this.#audio.playbackRate = preferences.value.speed;
  }

  load(file: Blob): void {
    this.close();
    this.#url = URL.createObjectURL(file);
    this.state.set({ status: "loading", isPlaying: false, duration: 0 });
    this.#audio.src = this.#url;
    this.#audio.playbackRate = preferences.value.speed;
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    if (!this.#url) return;
    URL.revokeObjectURL(this.#url);
    this.#url = "";
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#audio.load();
  }

  get time(): number {
    return this.#audio.currentTime;
  }

  get canPlay(): boolean {
    return this.state.value.status === "ready" || this.state.value.status === "loading";
  }

  /** Calls back in each frame while it plays, and after each move. Returns how to stop. */
  onTime(listener: (time: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  seek(time: number): void {
    this.#pausedAt = null;
    const { duration } = this.state.value;
    this.#audio.currentTime = Math.max(0, duration > 0 ? Math.min(time, duration) : time);
    this.#tell();
  }

  skip(seconds: number): void {
    this.seek(this.time + seconds);
  }

  playFrom(time: number): void {
    this.seek(time);
    this.#play();
  }

  toggle(): void {
    if (!this.canPlay) return;
    if (this.#audio.paused) {
      if (preferences.value.stepBack && this.#pausedAt === this.time) this.seek(this.time - STEP_BACK);
      this.#play();
    } else {
      this.#audio.pause();
      this.#pausedAt = this.time;
    }
  }

  setSpeed(speed: number): void {
    const next = Math.round(Math.min(FASTEST, Math.max(SLOWEST, speed)) * 100) / 100;
    this.#audio.playbackRate = next;
    prefer({ speed: next });
  }

  #play(): void {
    if (!this.canPlay) return;
    // Refused where the file cannot be played, which `onerror` shows, or where a pause came first.
    this.#audio.play().catch(() => {});
  }

  #tick(): void {
    cancelAnimationFrame(this.#frame);
    this.#tell();
    if (!this.#audio.paused) this.#frame = requestAnimationFrame(() => this.#tick());
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.time);
  }
}
