/** Clicks, letters and keys in the text: what each of them does. */
import { wordAt } from "../model/transcript";
import { preferences } from "../store/preferences";
import { type Action, actionOf, type Place } from "./keys";
import { offsetIn, placeAt } from "./textDom";
import type { View } from "./view";

/** Listens in the text, and for keys in the whole page. Returns how to stop. */
export function listenTo(view: View): () => void {
  const { container } = view.dom;
  const controller = new AbortController();
  const { signal } = controller;
  container.addEventListener("click", (event) => click(view, event), { signal });
  container.addEventListener("dblclick", (event) => editAt(view, event), { signal });
  container.addEventListener("input", () => view.editor.read(), { signal });
  container.addEventListener("compositionstart", () => view.editor.compose(true), { signal });
  container.addEventListener("compositionend", () => view.editor.compose(false), { signal });
  container.addEventListener("beforeinput", (event) => guardInput(view, event), { signal });
  container.addEventListener("paste", (event) => paste(event), { signal });
  container.addEventListener("focusout", (event) => leave(view, event), { signal });
  document.addEventListener("keydown", (event) => press(view, event), { signal });
  for (const kind of ["wheel", "touchmove"] as const)
    addEventListener(kind, () => stopFollowing(view), { signal, passive: true });
  return () => controller.abort();
}

function stopFollowing({ player, follower }: View): void {
  if (player.state.value.isPlaying) follower.isFollowing.set(false);
}

/** The paragraph and the offset under the pointer; null beside the text. */
function find({ dom }: View, event: MouseEvent): { index: number; offset: number } | null {
  const place = placeAt(event.clientX, event.clientY);
  const index = dom.indexOf(place?.node ?? null);
  const element = dom.paragraph(index);
  if (!place || !element?.contains(place.node)) return null;
  return { index, offset: offsetIn(element, place.node, place.offset) };
}

function click(view: View, event: MouseEvent): void {
  const { dom, editor, text } = view;
  const time = (event.target as Element).closest(".time");
  if (time) return view.playFrom(dom.indexOf(time), 0);
  const speaker = (event.target as Element).closest(".speaker");
  if (speaker) return view.naming.set(dom.indexOf(speaker));
  if (event.detail > 1 || getSelection()?.isCollapsed === false) return; // a selection is being made
  const place = find(view, event);
  if (!place || place.index === editor.index) return;
  const isToHear = event.ctrlKey || event.metaKey || event.altKey;
  if (view.isCorrecting.value && !isToHear) return editor.begin(place.index, place.offset);
  dom.focusable(place.index);
  view.playFrom(place.index, wordAt(text.paragraphs[place.index]!, place.offset));
}

function editAt(view: View, event: MouseEvent): void {
  const place = find(view, event);
  if (!place || place.index === view.editor.index) return;
  getSelection()?.removeAllRanges();
  view.editor.begin(place.index, place.offset);
}

/** A paragraph is one line, and undo is the page's own: the browser's knows one paragraph only. */
function guardInput(view: View, event: InputEvent): void {
  const { editor } = view;
  if (event.inputType === "insertParagraph" || event.inputType === "insertLineBreak") {
    event.preventDefault();
    editor.split();
  } else if (event.inputType === "deleteContentBackward" && editor.isAtStart && editor.index > 0) {
    event.preventDefault();
    editor.merge();
  } else if (event.inputType === "historyUndo" || event.inputType === "historyRedo") {
    event.preventDefault();
    run(view, event.inputType === "historyUndo" ? "undo" : "redo");
  }
}

function paste(event: ClipboardEvent): void {
  event.preventDefault();
  const words = event.clipboardData?.getData("text/plain").replace(/\s+/g, " ") ?? "";
  document.execCommand("insertText", false, words);
}

function leave({ editor, dom }: View, event: FocusEvent): void {
  // A window that loses the focus keeps its correction.
  if (document.hasFocus() && dom.indexOf(event.relatedTarget as Node | null) !== editor.index) editor.end();
}

function press(view: View, event: KeyboardEvent): void {
  // A dialog has keys of its own, also where none of its controls has the focus.
  if (document.querySelector("dialog[open]")) return;
  // 229 marks a key that an input method has used: Safari sends the one that ends a composition after its end.
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const { key, shiftKey: shift, altKey: alt } = event;
  const action = actionOf({ key, ctrl: event.ctrlKey || event.metaKey, shift, alt }, placeOf(view, event));
  if (action && run(view, action)) event.preventDefault();
}

function placeOf({ editor, dom }: View, { target }: Event): Place {
  const element = target as Element;
  const index = dom.indexOf(element);
  if (index >= 0 && element.matches("p")) return index === editor.index ? "editing" : "paragraph";
  if (element.closest("input, textarea, select, dialog")) return "field";
  return element.closest("button, a, summary") ? "button" : "page";
}

/** False where there is nothing to do, so that the browser does what it does with the key. */
export function run(view: View, action: Action): boolean {
  const { player, text, editor } = view;
  const actions: Record<Action, () => unknown> = {
    toggle: () => player.toggle(),
    back: () => player.skip(-5),
    forward: () => player.skip(5),
    slower: () => player.setSpeed(preferences.value.speed - 0.25),
    faster: () => player.setSpeed(preferences.value.speed + 0.25),
    undo: () => step(view, text.undo()),
    redo: () => step(view, text.redo()),
    find: () => openFind(view),
    hear: () => hearFromHere(view),
    nextUnsure: () => view.nextUnsure(),
    keys: () => view.isShowingKeys.set(true),
    edit: () => editor.begin(focused(view), 0),
    speaker: () => view.naming.set(focused(view)),
    endEdit: () => finish(view),
    previousParagraph: () => move(view, -1),
    nextParagraph: () => move(view, 1),
  };
  return actions[action]() !== false;
}

function openFind({ isFinding }: View): void {
  isFinding.set(true);
  document.querySelector<HTMLInputElement>(".find input")?.select(); // it was open
}

/** What a click on a word does, by keys: from the caret while it is corrected, else from the paragraph's beginning. */
function hearFromHere(view: View): boolean {
  const index = focused(view);
  const paragraph = view.text.paragraphs[index];
  if (!paragraph) return false;
  view.playFrom(index, index === view.editor.index ? wordAt(paragraph, view.editor.caret) : 0);
  return true;
}

const step = ({ editor }: View, change: ReturnType<View["text"]["undo"]>) => (change ? editor.follow(change) : false);

const focused = ({ dom }: View) => dom.indexOf(document.activeElement);

/** The paragraph keeps the focus, so that the arrow keys go on from it. */
function finish({ editor, dom }: View): void {
  const { index } = editor;
  editor.end();
  dom.paragraph(index)?.focus({ preventScroll: true });
}

function move(view: View, by: number): boolean {
  const index = focused(view) + by;
  const element = view.dom.paragraph(index);
  if (!element) return false;
  view.dom.focusable(index);
  element.focus();
  return true;
}
