/** The text of a job while it is recognised: its pieces in their order, in whichever order and how often they came. */
import type { Piece } from "./liveSocket.js";

export class LiveText {
  #pieces = new Map<number, Piece>();
  #run = 1;

  /** @param isComplete `pieces` holds all pieces so far, and not just the next one */
  add(pieces: Piece[], run: number, isComplete: boolean): void {
    if (run < this.#run) return;
    if (isComplete || run > this.#run) this.#pieces.clear();
    this.#run = run;
    for (const piece of pieces) this.#pieces.set(piece.index, piece);
  }

  /** Up to which second of the recording there is text of this run without a gap; null before the first. */
  endOf(run: number): number | null {
    if (run !== this.#run || this.#pieces.size === 0) return null;
    let end = 0;
    for (let index = 0; this.#pieces.has(index); index += 1) end = Math.max(end, this.#pieces.get(index)!.end);
    return end;
  }

  /** The text of this run so far. */
  textOf(run: number): string {
    if (run !== this.#run) return "";
    const inOrder = [...this.#pieces.values()].sort((a, b) => a.index - b.index);
    return inOrder.map(({ text }) => text.trim()).join(" ");
  }
}
