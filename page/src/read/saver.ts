/** Stores corrections by itself: in the browser at once, then at the server, again and again until it has them. */
import { holdBusy } from "../app/busy";
import { type Signal, signal } from "../app/signal";
import type { Text } from "../model/speakers";
import type { SpokenText } from "../model/turns";
import { type Known, sendText, type Sent } from "../server/transcript";
import { changeRow, noteProblem, saveText } from "../store/recordings";

export type SaveState = "" | "saving" | "saved" | "savedHere" | "savedOnlyHere";

// Milliseconds.
const TO_BROWSER = 300;
const TO_SERVER = 1_500;
const AGAIN = 15_000;

export class Saver {
  readonly state: Signal<SaveState> = signal<SaveState>("");
  /** When this tab last stored a correction; a later one comes from elsewhere. */
  editedAt = 0;
  #unsaved: SpokenText | null = null;
  #unsent: SpokenText | null = null;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #sendTimer: ReturnType<typeof setTimeout> | undefined;
  #isSending = false;
  #release: (() => void) | null = null;

  /** @param onNewer the server has a text that this page does not know */
  constructor(
    private readonly jobId: string,
    private readonly known: Known,
    private readonly onNewer: () => void,
  ) {}

  get etag(): string | null {
    return this.known.etag;
  }

  get hasUnsaved(): boolean {
    return this.#unsaved !== null;
  }

  get hasUnsent(): boolean {
    return this.#unsent !== null;
  }

  change(text: SpokenText): void {
    this.#unsaved = this.#unsent = text;
    this.#release ??= holdBusy(); // a newer page would take these letters with the old one
    this.state.set("saving");
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => void this.flush(), TO_BROWSER);
  }

  /** What the last visit could not send. */
  resume(text: SpokenText): void {
    this.#unsent = text;
    this.#sendIn(0);
  }

  /** The text of the server was taken over: corrections that follow are made to that one. */
  accept(etag: string | null, { names }: Pick<Text, "names">): void {
    this.known.etag = etag;
    this.known.text = { names };
    this.#unsaved = this.#unsent = null;
    this.#free();
    clearTimeout(this.#saveTimer);
    clearTimeout(this.#sendTimer);
    if (this.state.value !== "") this.state.set("saved");
  }

  /** Stores now: the page may be about to close. */
  async flush(): Promise<void> {
    clearTimeout(this.#saveTimer);
    const text = this.#unsaved;
    if (!text) return;
    this.#unsaved = null;
    this.editedAt = Date.now();
    try {
      await saveText(this.jobId, text, { editedAt: this.editedAt, isUnsent: true });
    } catch (error) {
      noteProblem(error);
    }
    this.#free();
    this.#sendIn(TO_SERVER);
  }

  close(): void {
    void this.flush().then(() => {
      clearTimeout(this.#sendTimer);
      void this.#send();
    });
  }

  #free(): void {
    if (this.#unsaved) return;
    this.#release?.();
    this.#release = null;
  }

  #sendIn(delay: number): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = setTimeout(() => void this.#send(), delay);
  }

  async #send(): Promise<void> {
    const text = this.#unsent;
    if (!text || this.#isSending) return;
    this.#isSending = true;
    const sent = await sendText(this.jobId, text, this.known);
    this.#isSending = false;
    await this.#settle(sent, text);
  }

  async #settle(sent: Sent, text: SpokenText): Promise<void> {
    const isNewest = this.#unsent === text;
    if (sent.kind === "newer") return this.onNewer();
    if (sent.kind === "away") {
      if (isNewest) this.state.set("savedHere");
      return this.#sendIn(AGAIN);
    }
    if (!isNewest) return this.#sendIn(TO_SERVER);
    this.#unsent = null;
    this.state.set(sent.kind === "saved" ? "saved" : "savedOnlyHere");
    await changeRow(this.jobId, { isUnsent: false, ...(sent.kind === "saved" ? { etag: sent.etag } : {}) });
  }
}
