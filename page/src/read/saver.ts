/** Stores corrections by itself: in the browser at once, then at the server, again and again until it has them. */
import { type Signal, signal } from "../app/signal";
import type { Paragraph } from "../model/transcript";
import { sendTranscript, type Sent } from "../server/transcript";
import { changeRow, noteProblem, saveParagraphs } from "../store/recordings";

export type SaveState = "" | "saving" | "saved" | "savedHere" | "savedOnlyHere";

// Milliseconds.
const TO_BROWSER = 300;
const TO_SERVER = 1_500;
const AGAIN = 15_000;

export class Saver {
  readonly state: Signal<SaveState> = signal<SaveState>("");
  /** When this tab last stored a correction; a later one comes from elsewhere. */
  editedAt = 0;
  #unsaved: readonly Paragraph[] | null = null;
  #unsent: readonly Paragraph[] | null = null;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #sendTimer: ReturnType<typeof setTimeout> | undefined;
  #isSending = false;

  /** @param onNewer the server has a text that this page does not know */
  constructor(
    private readonly jobId: string,
    public etag: string | null,
    readonly duration: number,
    private readonly onNewer: () => void,
  ) {}

  get hasUnsaved(): boolean {
    return this.#unsaved !== null;
  }

  get hasUnsent(): boolean {
    return this.#unsent !== null;
  }

  change(paragraphs: readonly Paragraph[]): void {
    this.#unsaved = this.#unsent = paragraphs;
    this.state.set("saving");
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => void this.flush(), TO_BROWSER);
  }

  /** What the last visit could not send. */
  resume(paragraphs: readonly Paragraph[]): void {
    this.#unsent = paragraphs;
    this.#sendIn(0);
  }

  /** The text of the server was taken over: corrections that follow are made to that one. */
  accept(etag: string | null): void {
    this.etag = etag;
    this.#unsaved = this.#unsent = null;
    clearTimeout(this.#saveTimer);
    clearTimeout(this.#sendTimer);
    if (this.state.value !== "") this.state.set("saved");
  }

  /** Stores now: the page may be about to close. */
  async flush(): Promise<void> {
    clearTimeout(this.#saveTimer);
    const paragraphs = this.#unsaved;
    if (!paragraphs) return;
    this.#unsaved = null;
    this.editedAt = Date.now();
    try {
      await saveParagraphs(this.jobId, paragraphs, { editedAt: this.editedAt, isUnsent: true });
    } catch (error) {
      noteProblem(error);
    }
    this.#sendIn(TO_SERVER);
  }

  close(): void {
    void this.flush().then(() => {
      clearTimeout(this.#sendTimer);
      void this.#send();
    });
  }

  #sendIn(delay: number): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = setTimeout(() => void this.#send(), delay);
  }

  async #send(): Promise<void> {
    const paragraphs = this.#unsent;
    if (!paragraphs || this.#isSending) return;
    this.#isSending = true;
    const sent = await sendTranscript(this.jobId, paragraphs, this);
    this.#isSending = false;
    await this.#settle(sent, paragraphs);
  }

  async #settle(sent: Sent, paragraphs: readonly Paragraph[]): Promise<void> {
    const isNewest = this.#unsent === paragraphs;
    if (sent.kind === "newer") return this.onNewer();
    if (sent.kind === "away") {
      if (isNewest) this.state.set("savedHere");
      return this.#sendIn(AGAIN);
    }
    if (sent.kind === "saved") this.etag = sent.etag;
    if (!isNewest) return this.#sendIn(TO_SERVER);
    this.#unsent = null;
    this.state.set(sent.kind === "saved" ? "saved" : "savedOnlyHere");
    await changeRow(this.jobId, { isUnsent: false, ...(sent.kind === "saved" ? { etag: sent.etag } : {}) });
  }
}
