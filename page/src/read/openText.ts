/** One text that is open: its paragraphs, their history, where they are stored, and news of them from elsewhere. */
import { type Signal, signal } from "../app/signal";
import type { Change } from "../model/editing";
import { History } from "../model/history";
import { toParagraphs } from "../model/paragraphs";
import type { Paragraph } from "../model/transcript";
import { readTranscript } from "../server/transcript";
import type { RecordingRow } from "../store/database";
import { changeRow, onStoreNews, readText, saveParagraphs, type StoredText } from "../store/recordings";
import { Saver } from "./saver";

export class OpenText {
  readonly row: RecordingRow;
  readonly saver: Saver;
  /** The text was replaced by a newer one from another tab or device. */
  readonly isChangedElsewhere: Signal<boolean> = signal(false);
  readonly #history: History;
  readonly #listeners = new Set<(change: Change) => void>();
  #stopNews = () => {};

  constructor({ row, paragraphs }: StoredText) {
    this.row = row;
    this.#history = new History(paragraphs);
    this.saver = new Saver(row.jobId, row.etag, row.duration, () => void this.#takeFromServer());
    this.saver.editedAt = row.editedAt;
  }

  /** Begins to watch other tabs and the server. Returns how to stop. */
  open(): () => void {
    this.#stopNews = onStoreNews((news) => {
      if (news.kind === "text" && news.jobId === this.row.jobId) void this.#takeFromTab(news.editedAt);
    });
    const flush = () => void this.saver.flush();
    document.addEventListener("visibilitychange", flush);
    addEventListener("pagehide", flush);
    if (this.row.isUnsent) this.saver.resume(this.paragraphs);
    else void this.#takeFromServer();
    return () => {
      this.#stopNews();
      document.removeEventListener("visibilitychange", flush);
      removeEventListener("pagehide", flush);
      this.saver.close();
    };
  }

  get paragraphs(): readonly Paragraph[] {
    return this.#history.paragraphs;
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  /** Calls back after each change, by whichever way it came. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param now milliseconds; of typing, so that letters in a row are one step */
  do(change: Change, now?: number): void {
    this.#history.do(change, now);
    this.#publish(change);
    this.saver.change(this.paragraphs);
  }

  undo(): Change | null {
    return this.#step(this.#history.undo());
  }

  redo(): Change | null {
    return this.#step(this.#history.redo());
  }

  #step(change: Change | null): Change | null {
    if (!change) return null;
    this.isChangedElsewhere.set(false);
    this.#publish(change);
    this.saver.change(this.paragraphs);
    return change;
  }

  async #takeFromTab(editedAt: number): Promise<void> {
    if (editedAt <= this.saver.editedAt || this.saver.hasUnsaved) return;
    const stored = await readText(this.row.jobId);
    if (!stored || stored.row.editedAt <= this.saver.editedAt) return;
    this.saver.editedAt = stored.row.editedAt;
    this.saver.accept(stored.row.etag);
    this.#replace(stored.paragraphs);
  }

  /** The server's text replaces this one where it is newer. */
  async #takeFromServer(): Promise<void> {
    const hadUnsent = this.saver.hasUnsent;
    const found = await readTranscript(this.row.jobId, hadUnsent ? null : this.row.etag);
    if (!found || (this.saver.hasUnsent && !hadUnsent)) return;
    this.saver.accept(found.etag);
    const paragraphs = toParagraphs(found.transcript);
    const isSame = textOf(paragraphs) === textOf(this.paragraphs);
    const kept = isSame ? this.paragraphs : paragraphs;
    if (!isSame) this.#replace(paragraphs);
    this.saver.state.set(isSame && !hadUnsent ? "" : "saved");
    const change = { etag: found.etag, isUnsent: false };
    if (isSame) await changeRow(this.row.jobId, change);
    else {
      this.saver.editedAt = Date.now();
      await saveParagraphs(this.row.jobId, kept, { ...change, editedAt: this.saver.editedAt });
    }
  }

  #replace(paragraphs: readonly Paragraph[]): void {
    const change = { index: 0, before: this.paragraphs, after: paragraphs };
    this.#history.do(change);
    this.isChangedElsewhere.set(true);
    this.#publish(change);
  }

  #publish(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Without spaces: the API joins phrases by its own. */
const textOf = (paragraphs: readonly Paragraph[]): string =>
  paragraphs
    .map(({ text }) => text)
    .join("")
    .replace(/\s+/g, "");
