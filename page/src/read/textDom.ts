/**
 * The paragraphs on the screen: one text node each, so that a browser holds 40,000 words, selects and finds all of them.
 * Paragraphs that are out of sight are not laid out (`content-visibility`).
 */
import { type Change, cleanText } from "../model/editing";
import { nameOf, type Names } from "../model/speakers";
import { type Paragraph, startOf } from "../model/transcript";
import { clockTime } from "../text/quantities";

export type Labels = { hearFrom: (time: string) => string; speakerIs: (name: string) => string };

export class TextDom {
  #rows: HTMLElement[] = [];

  constructor(
    readonly container: HTMLElement,
    private labels: Labels,
    private names: Names = {},
  ) {}

  render(paragraphs: readonly Paragraph[]): void {
    this.#rows = paragraphs.map((paragraph) => this.#makeRow(paragraph));
    this.container.replaceChildren(...this.#rows);
    this.focusable(0);
  }

  relabel(labels: Labels, paragraphs: readonly Paragraph[]): void {
    this.labels = labels;
    paragraphs.forEach((paragraph, index) => this.#fillHead(this.#rows[index]!, paragraph));
  }

  rename(names: Names, paragraphs: readonly Paragraph[]): void {
    this.names = names;
    paragraphs.forEach((paragraph, index) => this.#fillSpeaker(this.#rows[index]!, paragraph));
  }

  /** Shows a change; rows that it does not touch stay as they are. */
  apply({ index, before, after }: Change): void {
    if (before.length === after.length) return after.forEach((paragraph, i) => this.#fill(index + i, paragraph));
    const rows = after.map((paragraph) => this.#makeRow(paragraph));
    const next = this.#rows[index + before.length] ?? null;
    for (const row of this.#rows.splice(index, before.length, ...rows)) row.remove();
    for (const row of rows) this.container.insertBefore(row, next);
    this.focusable(Math.min(index, this.#rows.length - 1));
  }

  paragraph(index: number): HTMLElement | null {
    return this.#rows[index]?.querySelector("p") ?? null;
  }

  row(index: number): HTMLElement | null {
    return this.#rows[index] ?? null;
  }

  /** Which paragraph holds this node; -1 for none. */
  indexOf(node: Node | null): number {
    const element = node instanceof Element ? node : (node?.parentElement ?? null);
    const row = element?.closest<HTMLElement>(".para");
    return row ? this.#rows.indexOf(row) : -1;
  }

  /** The tab key reaches one paragraph; arrows lead to the others. */
  focusable(index: number): void {
    this.container.querySelector("p[tabindex='0']")?.setAttribute("tabindex", "-1");
    this.paragraph(index)?.setAttribute("tabindex", "0");
  }

  /** The paragraph that the tab key reaches; the first in sight where that one is not. */
  chosenInSight(): number {
    const isInSight = (row: HTMLElement) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > innerHeight * 0.15 && top < innerHeight * 0.8; // behind the tools and the player nothing is seen
    };
    const chosen = this.indexOf(this.container.querySelector("p[tabindex='0']"));
    return Math.max(0, this.#rows[chosen] && isInSight(this.#rows[chosen]) ? chosen : this.#rows.findIndex(isInSight));
  }

  /** The letters of a paragraph as a range, for highlights and scrolling; null where they are not there. */
  range(index: number, at: number, length: number): Range | null {
    const paragraph = this.paragraph(index);
    const start = paragraph && locate(paragraph, at);
    const end = paragraph && locate(paragraph, at + length);
    if (!start || !end) return null;
    const range = document.createRange();
    range.setStart(...start);
    range.setEnd(...end);
    return range;
  }

  #makeRow(paragraph: Paragraph): HTMLElement {
    const row = document.createElement("div");
    const time = document.createElement("button");
    const text = document.createElement("p");
    row.className = "para";
    time.className = "time";
    time.type = "button";
    time.tabIndex = -1;
    text.dir = "auto";
    text.tabIndex = -1;
    text.textContent = paragraph.text;
    row.append(time, text);
    this.#fillHead(row, paragraph);
    return row;
  }

  #fill(index: number, paragraph: Paragraph): void {
    const text = this.paragraph(index);
    // Line breaks that an input method has put in are the editor's to clean.
    if (text && cleanText(text.textContent ?? "") !== paragraph.text) text.textContent = paragraph.text;
    this.#fillHead(this.#rows[index]!, paragraph);
  }

  #fillHead(row: HTMLElement, paragraph: Paragraph): void {
    const button = row.firstElementChild as HTMLButtonElement;
    const time = clockTime(startOf(paragraph));
    button.textContent = time;
    button.setAttribute("aria-label", this.labels.hearFrom(time));
    this.#fillSpeaker(row, paragraph);
  }

  /** The name is a button, by which it is changed. A colour helps, and is never the only sign. */
  #fillSpeaker(row: HTMLElement, { speaker }: Paragraph): void {
    const found = row.querySelector<HTMLButtonElement>(".speaker");
    if (!speaker) return found?.remove();
    const button = found ?? document.createElement("button");
    const name = nameOf(this.names, speaker);
    if (!found) row.insertBefore(button, row.lastElementChild);
    button.className = `speaker voice-${hueOf(name)}`;
    button.type = "button";
    button.dir = "auto";
    button.tabIndex = -1;
    button.textContent = name;
    button.setAttribute("aria-label", this.labels.speakerIs(name));
  }
}

const HUES = 6;

/** The same for one name wherever it occurs; A to F, as most recordings have them, differ. */
const hueOf = (name: string): number =>
  [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 65_521, 0) % HUES;

/** The text node and the offset in it; typing may have made several of one. */
function locate(paragraph: HTMLElement, offset: number): [Node, number] | null {
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  let rest = offset;
  let last: Text | null = null;
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    if (rest <= node.length) return [node, rest];
    rest -= node.length;
    last = node;
  }
  return last ? [last, last.length] : null;
}

/** How many letters of the paragraph stand before a place in it. */
export function offsetIn(paragraph: HTMLElement, node: Node, offset: number): number {
  const range = document.createRange();
  range.selectNodeContents(paragraph);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** The place in the text under a point of the screen. */
export function placeAt(x: number, y: number): { node: Node; offset: number } | null {
  const position = document.caretPositionFromPoint?.(x, y);
  if (position) return { node: position.offsetNode, offset: position.offset };
  const range = document.caretRangeFromPoint?.(x, y); // Safari
  return range ? { node: range.startContainer, offset: range.startOffset } : null;
}
