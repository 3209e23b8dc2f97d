/** The changes of a transcript and of its speakers' names that can be undone and redone. Typing in one paragraph is one step until it rests. */
import { apply, type Change, invert } from "./editing";
import type { Names } from "./speakers";
import type { Paragraph } from "./transcript";

/** Milliseconds without typing after which the next letter is a step of its own. */
const REST = 1_000;
const MOST_STEPS = 500;

export class History {
  #undo: Change[] = [];
  #redo: Change[] = [];
  #typedAt = -Infinity;

  constructor(
    public paragraphs: readonly Paragraph[],
    public names: Names = {},
  ) {}

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  /** @param now milliseconds; given for typing alone, whose changes in a row become one step */
  do(change: Change, now?: number): void {
    this.#apply(change);
    const last = this.#undo.at(-1);
    const isSameStep =
      now !== undefined && now - this.#typedAt < REST && last?.index === change.index && last.after.length === 1;
    if (isSameStep && last.before.length === 1) this.#undo[this.#undo.length - 1] = { ...change, before: last.before };
    else this.#undo.push(change);
    if (this.#undo.length > MOST_STEPS) this.#undo.shift();
    this.#redo = [];
    this.#typedAt = now ?? -Infinity;
  }

  /** The change that puts things back, to be shown; null where there is none. */
  undo(): Change | null {
    return this.#move(this.#undo, this.#redo);
  }

  redo(): Change | null {
    return this.#move(this.#redo, this.#undo);
  }

  #move(from: Change[], to: Change[]): Change | null {
    const step = from.pop();
    if (!step) return null;
    const isUndo = from === this.#undo;
    to.push(step);
    const change = isUndo ? invert(step) : step;
    this.#apply(change);
    this.#typedAt = -Infinity;
    return change;
  }

  #apply(change: Change): void {
    if (change.before.length > 0 || change.after.length > 0) this.paragraphs = apply(this.paragraphs, change);
    if (change.names) this.names = change.names.after;
  }
}
