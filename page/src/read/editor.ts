/** Correcting a paragraph in place: only the one that is edited is editable, and each letter keeps the words' times. */
import { type Change, cleanText, merge, split } from "../model/editing";
import { retime } from "../model/retime";
import type { Paragraph } from "../model/transcript";
import type { OpenText } from "./openText";
import { offsetIn, type TextDom } from "./textDom";

export class Editor {
  #index = -1;
  /** The paragraph as it was when its correction began: times come from it, however its text changes meanwhile. */
  #base: Paragraph | null = null;

  constructor(
    private readonly dom: TextDom,
    private readonly text: OpenText,
    private readonly label: (paragraph: Paragraph) => string,
  ) {}

  get index(): number {
    return this.#index;
  }

  begin(index: number, offset: number): void {
    if (this.#index === index && this.dom.paragraph(index)?.isContentEditable) return;
    this.end();
    const element = this.dom.paragraph(index);
    const paragraph = this.text.paragraphs[index];
    if (!element || !paragraph) return;
    this.#index = index;
    this.#base = paragraph;
    element.contentEditable = "plaintext-only";
    element.setAttribute("role", "textbox");
    element.setAttribute("aria-multiline", "false");
    element.setAttribute("aria-label", this.label(paragraph));
    this.dom.focusable(index);
    this.#placeCaret(offset);
  }

  end(): void {
    const index = this.#index;
    const element = this.dom.paragraph(index);
    this.#index = -1;
    this.#base = null;
    if (!element) return;
    for (const name of ["contenteditable", "role", "aria-multiline", "aria-label"]) element.removeAttribute(name);
    const paragraph = this.text.paragraphs[index]!;
    if (paragraph.text.trim() === "" && this.text.paragraphs.length > 1)
      this.text.do({ index, before: [paragraph], after: [] });
    else element.textContent = paragraph.text; // one text node again
  }

  /** After the browser changed the text. */
  read(): void {
    const element = this.dom.paragraph(this.#index);
    const before = this.text.paragraphs[this.#index];
    if (!element || !before || !this.#base) return;
    const text = cleanText(element.textContent ?? "");
    if (text === before.text) return;
    this.text.do({ index: this.#index, before: [before], after: [retime(this.#base, text)] }, Date.now());
  }

  split(): void {
    const index = this.#index;
    const change = split(this.text.paragraphs, index, this.caret);
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
    return getSelection()?.isCollapsed === true && this.caret === 0;
  }

  /** After undo or redo: the caret goes to the change, and the correction goes on there. */
  follow(change: Change): void {
    if (this.#index < 0) return;
    this.#index = -1; // its element may be another by now
    this.begin(Math.min(change.index, this.text.paragraphs.length - 1), endOfChange(change));
  }

  #doAndMove(change: Change, index: number, offset: number): void {
    this.#index = -1;
    this.text.do(change);
    this.begin(index, offset);
  }

  /** How many letters of the paragraph stand before it. */
  get caret(): number {
    const element = this.dom.paragraph(this.#index);
    const { anchorNode, anchorOffset } = getSelection() ?? {};
    if (!element || !anchorNode || !element.contains(anchorNode)) return 0;
    return offsetIn(element, anchorNode, anchorOffset ?? 0);
  }

  #placeCaret(offset: number): void {
    const element = this.dom.paragraph(this.#index)!;
    element.focus({ preventScroll: true });
    const range = this.dom.range(this.#index, offset, 0);
    if (range)
      getSelection()?.setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
  }
}

/** Where the changed letters end. */
function endOfChange({ before, after }: Change): number {
  const [old, now] = [before[0]?.text ?? "", after[0]?.text ?? ""];
  let suffix = 0;
  while (suffix < Math.min(old.length, now.length) && old.at(-1 - suffix) === now.at(-1 - suffix)) suffix += 1;
  return now.length - suffix;
}
