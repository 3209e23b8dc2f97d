/** The text of a recording while it runs: pieces go to the server one after the other, which joins their texts. */
import { signal } from "../app/signal";
import { concatenate } from "../model/tokens";
import { currentOptions } from "../send/options";
import { authorization } from "../server/access";
import { endpoint } from "../server/address";
import { currentLanguage } from "../text/language";
import { extensionOf } from "./format";
import { type Piece, Pieces } from "./pieces";
import type { Recording } from "./recording";

/** Pieces that may wait. Each second is in two of them, so that one may be left out without a gap. */
const MOST_WAITING = 2;

/** Milliseconds. */
const TIMEOUT = 30_000;

export type LiveState = {
  /** What no later piece changes, and what the next may still change. */
  text: string;
  open: string;
  /** Seconds of sound that the server heard for it. */
  heard: number;
  /** The server does not keep up, or does not answer. */
  isBehind: boolean;
};

type Running = { text: string; open: string; rest: string };

export class LiveText {
  readonly state = signal<LiveState>({ text: "", open: "", heard: 0, isBehind: false });
  readonly #pieces: Pieces;
  readonly #waiting: Piece[] = [];
  #rest: string | null = null;
  #isSending = false;

  constructor(recording: Recording) {
    this.#pieces = new Pieces(recording, (piece) => this.#add(piece));
  }

  end(): void {
    this.#pieces.end();
  }

  #add(piece: Piece): void {
    this.#waiting.push(piece);
    if (this.#waiting.length > MOST_WAITING) this.#leaveOut();
    if (!this.#isSending) void this.#sendAll();
  }

  #leaveOut(): void {
    this.#waiting.shift();
    this.#change({ isBehind: true });
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    for (let piece = this.#waiting.shift(); piece; piece = this.#waiting.shift()) {
      const running = await this.#send(piece).catch(() => null);
      if (running) this.#take(running, piece);
      else this.#change({ isBehind: true });
    }
    this.#isSending = false;
  }

  #take({ text, open, rest }: Running, { start, end }: Piece): void {
    const { text: before, heard } = this.state.value;
    this.#rest = rest;
    this.#change({
      text: concatenate(before, text),
      open,
      heard: heard + end - start,
      isBehind: this.#waiting.length > 1,
    });
  }

  async #send(piece: Piece): Promise<Running | null> {
    const response = await fetch(endpoint("transcribe"), {
      method: "POST",
      headers: { "accept-language": currentLanguage(), ...authorization() },
      body: this.#form(piece),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    return response.ok ? ((await response.json()) as { running: Running }).running : null;
  }

  #form({ sound, start, next }: Piece): FormData {
    const form = new FormData();
    for (const [name, value] of Object.entries(currentOptions())) form.set(name, String(value));
    form.delete("speakers"); // who speaks is found in whole recordings
    form.set("cache", "false");
    form.set("pieceStart", start.toFixed(2));
    form.set("nextPieceStart", next.toFixed(2));
    if (this.#rest !== null) form.set("before", this.#rest);
    form.set("file", sound, `piece.${extensionOf(sound.type)}`);
    return form;
  }

  #change(change: Partial<LiveState>): void {
    this.state.set({ ...this.state.value, ...change });
  }
}
