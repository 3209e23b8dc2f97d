/** The pieces of a text as they are recognised, in their order, whichever way and how often they came. */
import type { Piece } from "./liveSocket.js";

export class LiveText {
  #pieces = new Map<number, Piece>();
  #run = 1;

  /** @param all these are all there are so far, and not just the next */
  add(pieces: Piece[], run: number, all: boolean): void {
    if (run < this.#run) return;
    if (all || run > this.#run) this.#pieces.clear();
    this.#run = run;
    for (const piece of pieces) this.#pieces.set(piece.index, piece);
  }

  /** The text of this run so far. */
  of(run: number): string {
    if (run !== this.#run) return "";
    const inOrder = [...this.#pieces.values()].sort((a, b) => a.index - b.index);
    return inOrder.map(({ text }) => text.trim()).join(" ");
  }
}
