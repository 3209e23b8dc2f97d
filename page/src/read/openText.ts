/** One text that is open: its paragraphs, their history, where they are stored, and news of them from elsewhere. */
import { type Signal, signal } from "../app/signal";
import { readAnswer } from "../model/answer";
import type { Change } from "../model/editing";
import { History } from "../model/history";
import { lettersOf } from "../model/letters";
import { isSameNames, type Names, type Text } from "../model/speakers";
import type { Paragraph } from "../model/transcript";
import type { SpokenText } from "../model/turns";
import { type Warning, warningsOf } from "../model/warnings";
import type { Wordless } from "../model/wordless";
import { readTranscript } from "../server/transcript";
import type { RecordingRow } from "../store/database";
import { preferences } from "../store/preferences";
import { changeRow, onStoreNews, readText, saveText, type StoredText } from "../store/recordings";
import { currentLanguage } from "../text/language";
import { Saver } from "./saver";

/** Milliseconds between two looks for speakers that come after the text. */
const SPEAKERS_EVERY = 4_000;

export class OpenText {
  readonly row: RecordingRow;
  readonly saver: Saver;
  /** The text was replaced by a newer one from another tab or device. */
  readonly isChangedElsewhere: Signal<boolean> = signal(false);
  /** The server still tells the voices apart: the same text comes again, with who says it. */
  readonly awaitsSpeakers: Signal<boolean> = signal(false);
  /** Where somebody speaks without words, as the server last said. */
  wordless: readonly Wordless[];
  /** What the server says of the text. */
  readonly warnings: Signal<readonly Warning[]>;
  readonly #history: History;
  readonly #listeners = new Set<(change: Change) => void>();
  #stopNews = () => {};

  constructor({ row, paragraphs }: StoredText) {
    this.row = row;
    this.wordless = row.wordless ?? [];
    this.warnings = signal(row.warnings ?? []);
    this.#history = new History(paragraphs, row.names);
    const { jobId, etag, duration, isUnsent, names = {} } = row;
    const known = { etag, duration, text: isUnsent ? {} : { names } };
    this.saver = new Saver(jobId, known, () => void this.#takeFromServer());
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
    if (this.row.isUnsent) this.saver.resume(this.whole);
    else void this.#takeFromServer();
    const stopWatching = this.#lookAtReturn();
    return () => {
      stopWatching();
      this.#stopNews();
      document.removeEventListener("visibilitychange", flush);
      removeEventListener("pagehide", flush);
      this.saver.close();
    };
  }

  /** Who comes back to this window sees what was corrected elsewhere meanwhile. Returns how to stop. */
  #lookAtReturn(): () => void {
    let isLooking = false;
    const look = async () => {
      if (isLooking || document.hidden || this.saver.hasUnsent) return;
      if (this.awaitsSpeakers.value && isSelecting()) return;
      isLooking = true;
      await this.#takeFromServer();
      isLooking = false;
    };
    const listener = () => void look();
    const kinds = [
      [document, "visibilitychange"],
      [globalThis, "focus"],
      [globalThis, "online"],
    ] as const;
    for (const [target, kind] of kinds) target.addEventListener(kind, listener);
    const ended = preferences.subscribe(() => this.#isOtherLanguage && listener());
    const waiting = setInterval(() => this.awaitsSpeakers.value && listener(), SPEAKERS_EVERY);
    return () => {
      ended();
      clearInterval(waiting);
      kinds.forEach(([target, kind]) => target.removeEventListener(kind, listener));
    };
  }

  /** Its warnings are in a language that the page no longer has, or perhaps so. */
  get #isOtherLanguage(): boolean {
    return this.warnings.value.some(({ lang }) => lang !== currentLanguage());
  }

  get paragraphs(): readonly Paragraph[] {
    return this.#history.paragraphs;
  }

  get names(): Names {
    return this.#history.names;
  }

  get whole(): SpokenText {
    return { paragraphs: this.paragraphs, names: this.names, wordless: this.wordless };
  }

  get #isLabelled(): boolean {
    return this.paragraphs.some(({ speaker }) => speaker);
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
    this.saver.change(this.whole);
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
    this.saver.change(this.whole);
    return change;
  }

  async #takeFromTab(editedAt: number): Promise<void> {
    if (editedAt <= this.saver.editedAt || this.saver.hasUnsaved) return;
    const stored = await readText(this.row.jobId);
    if (!stored || stored.row.editedAt <= this.saver.editedAt) return;
    this.saver.editedAt = stored.row.editedAt;
    const { names = {} } = stored.row;
    this.saver.accept(stored.row.etag, { names });
    this.wordless = stored.row.wordless ?? [];
    this.warnings.set(stored.row.warnings ?? []);
    this.#replace({ paragraphs: stored.paragraphs, names });
  }

  /** The server's text replaces this one where it is newer. */
  async #takeFromServer(): Promise<void> {
    const hadUnsent = this.saver.hasUnsent;
    const found = await readTranscript(this.row.jobId, hadUnsent ? null : this.saver.etag);
    if (!found || (this.saver.hasUnsent && !hadUnsent)) return;
    this.awaitsSpeakers.set(found.awaitsSpeakers);
    if (!found.transcript) return this.#takeWarnings();
    const { wordless, warnings, ...text } = readAnswer(found.transcript, found.language);
    this.saver.accept(found.etag, text);
    const isSame = lettersOf(text) === lettersOf(this.whole) && isSameNames(text.names, this.names);
    const isLabelled = wordsOf(text) === wordsOf(this.whole) && !this.#isLabelled;
    if (!isSame) this.#replace(text);
    if (isLabelled) this.isChangedElsewhere.set(false); // by nobody: its speakers have come
    this.saver.state.set(isSame && !hadUnsent ? "" : "saved");
    this.wordless = wordless;
    this.warnings.set(warnings);
    const change = { etag: found.etag, isUnsent: false, wordless, warnings };
    if (isSame) await changeRow(this.row.jobId, change);
    else {
      this.saver.editedAt = Date.now();
      await saveText(this.row.jobId, text, { ...change, editedAt: this.saver.editedAt });
    }
  }

  /** The text is the server's: of the whole answer only the warnings are taken, where they have to be in another language. */
  async #takeWarnings(): Promise<void> {
    if (!this.#isOtherLanguage) return;
    const found = await readTranscript(this.row.jobId, null);
    if (!found?.transcript) return;
    const warnings = warningsOf(found.transcript, found.language);
    this.warnings.set(warnings);
    await changeRow(this.row.jobId, { warnings });
  }

  #replace({ paragraphs, names }: Text): void {
    const change = {
      ...{ index: 0, before: this.paragraphs, after: paragraphs },
      names: { before: this.names, after: names },
    };
    this.#history.do(change);
    this.isChangedElsewhere.set(true);
    this.#publish(change);
  }

  #publish(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

const wordsOf = ({ paragraphs }: Text): string =>
  paragraphs
    .map(({ text }) => text)
    .join("")
    .replace(/\s+/g, "");

/** Whether the person is in the midst of a paragraph: what comes by itself waits until then. */
const isSelecting = (): boolean =>
  getSelection()?.isCollapsed === false || (document.activeElement as HTMLElement | null)?.isContentEditable === true;
