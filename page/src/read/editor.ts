/** Correcting a paragraph in place: only the one that is edited is editable, and each letter keeps the words' times. */
import { type Change, cleanText, merge, split } from "../model/editing";
import { retime } from "../model/retime";
import type { Paragraph } from "../model/transcript";
import type { OpenText } from "./openText";
import { offsetIn, type TextDom } from "./textDom";

export class Editor {
  #index = -1;
  #element: HTMLElement | null = null;
  /** The paragraph as it was when its correction began: times come from it, however its text changes meanwhile. */
  #base: Paragraph | null = null;
  /** What the last letter made of it; another one in the text means that something else changed it meanwhile. */
  #written: Paragraph | null = null;
  /** Since when an input method composes letters, in milliseconds; null while none does. */
  #composedSince: number | null = null;

  constructor(
    private readonly dom: TextDom,
    private readonly text: OpenText,
    private readonly label: (paragraph: Paragraph) => string,
  ) {}

  /** -1 while no paragraph is corrected, also where a newer text took the place of the one that was. */
  get index(): number {
    return this.#element && this.dom.paragraph(this.#index) === this.#element ? this.#index : -1;
  }

  begin(index: number, offset: number): void {
    if (this.index === index) return;
    this.end();
    const element = this.dom.paragraph(index);
    const paragraph = this.text.paragraphs[index];
    if (!element || !paragraph) return;
    this.#index = index;
    this.#element = element;
    this.#base = this.#written = paragraph;
    element.contentEditable = "plaintext-only";
    element.setAttribute("role", "textbox");
    element.setAttribute("aria-multiline", "false");
    element.setAttribute("aria-label", this.label(paragraph));
    this.dom.focusable(index);
    this.#placeCaret(offset);
  }

  end(): void {
    const element = this.#element;
    this.#composedSince = null;
    this.read(); // an input method may have put its letters in without a word
    const { index } = this;
    this.#release();
    const paragraph = this.text.paragraphs[index];
    if (!element || !paragraph) return;
    if (paragraph.text.trim() === "" && this.text.paragraphs.length > 1)
      this.text.do({ index, before: [paragraph], after: [] });
    else element.textContent = paragraph.text; // one text node again
  }

  /** Its element is read like the others again. */
  #release(): void {
    for (const name of ["contenteditable", "role", "aria-multiline", "aria-label"])
      this.#element?.removeAttribute(name);
    this.#element = null;
    this.#index = -1;
    this.#base = this.#written = this.#composedSince = null;
  }

  /** After the browser changed the text. What an input method composes is one step, however long it takes. */
  read(): void {
    const element = this.#element;
    const before = this.text.paragraphs[this.index];
    if (!element || !before || !this.#base) return;
    if (this.#composedSince === null) replaceBreaks(element);
    const text = cleanText(element.textContent ?? "");
    if (text !== element.textContent && this.#composedSince === null) this.#clean(element, text);
    if (text === before.text) return;
    if (before !== this.#written) this.#base = before;
    this.#written = retime(this.#base, text);
    const change = { index: this.#index, before: [before], after: [this.#written] };
    this.text.do(change, this.#composedSince ?? Date.now());
  }

  /** Until its end the element is the input method's: who sets its text takes the letters away. */
  compose(isComposing: boolean): void {
    this.#composedSince = isComposing ? Date.now() : null;
    if (!isComposing) this.read();
  }

  split(): void {
    const index = this.#index;
    const change = split(this.text.paragraphs, index, this.#caret());
    if (change) this.#doAndMove(change, index + 1, 0);
  }

  /** Joins it with the one before. */
  merge(): void {
    const index = this.#index;
    const before = this.text.paragraphs[index - 1];
    const change = before && merge(this.text.paragraphs, index);
    if (change)
      this.#doAndMove(change, index - 1, before.text.length + (before.text && change.before[1]?.text ? 1 : 0));
  }

  get isAtStart(): boolean {
    return getSelection()?.isCollapsed === true && this.#caret() === 0;
  }

  /** After undo or redo: the caret goes to the change, and the correction goes on there. */
  follow(change: Change): void {
    if (this.#index < 0) return;
    this.#release();
    this.begin(Math.min(change.index, this.text.paragraphs.length - 1), endOfChange(change));
  }

  #doAndMove(change: Change, index: number, offset: number): void {
    this.#release();
    this.text.do(change);
    this.begin(index, offset);
  }

  /** The caret stays behind the same letters. */
  #clean(element: HTMLElement, text: string): void {
    const before = cleanText((element.textContent ?? "").slice(0, this.#caret()));
    element.textContent = text;
    if (document.activeElement === element) this.#placeCaret(before.length);
  }

  #caret(): number {
    const element = this.dom.paragraph(this.#index);
    const { focusNode, focusOffset } = getSelection() ?? {};
    if (!element || !focusNode || !element.contains(focusNode)) return 0;
    return offsetIn(element, focusNode, focusOffset ?? 0);
  }

  #placeCaret(offset: number): void {
    const element = this.dom.paragraph(this.#index)!;
    element.focus({ preventScroll: true });
    const range = this.dom.range(this.#index, offset, 0);
    if (range)
      getSelection()?.setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
  }
}

/** Where dictated text breaks the line a browser makes a block, or a `br`; one at the end keeps an empty line open. */
function replaceBreaks(element: HTMLElement): void {
  for (const found of element.querySelectorAll("*"))
    if (found.nodeName !== "BR") found.before("\n");
    else if (found.nextSibling) found.replaceWith("\n");
}

/** Where the changed letters end. */
function endOfChange({ before, after }: Change): number {
  const [old, now] = [before[0]?.text ?? "", after[0]?.text ?? ""];
  let suffix = 0;
  while (suffix < Math.min(old.length, now.length) && old.at(-1 - suffix) === now.at(-1 - suffix)) suffix += 1;
  return now.length - suffix;
}
