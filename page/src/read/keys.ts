/** Which key does what in the reader. Pure. */

export type Action =
  | "toggle"
  | "back"
  | "forward"
  | "slower"
  | "faster"
  | "undo"
  | "redo"
  | "find"
  | "hear"
  | "nextUnsure"
  | "keys"
  | "edit"
  | "speaker"
  | "endEdit"
  | "previousParagraph"
  | "nextParagraph";

export type Press = { key: string; ctrl: boolean; shift: boolean; alt: boolean };

/** Where the focus is. A `button` needs the keys that press it, a `field` all that write, move and undo. */
export type Place = "page" | "paragraph" | "editing" | "button" | "field";

const WITH_CTRL: Record<string, Action> = { z: "undo", y: "redo", f: "find", enter: "hear" };
const WITH_SHIFT: Record<string, Action> = {
  ArrowLeft: "back",
  ArrowRight: "forward",
  ArrowUp: "faster",
  ArrowDown: "slower",
};

export function actionOf({ key, ctrl, shift, alt }: Press, place: Place): Action | null {
  if (alt || place === "field") return ctrl && key === "f" ? "find" : null;
  if (place === "button" && (!ctrl || key === "Enter")) return null;
  if (ctrl) return shift && key.toLowerCase() === "z" ? "redo" : shift ? null : (WITH_CTRL[key.toLowerCase()] ?? null);
  if (shift && WITH_SHIFT[key]) return WITH_SHIFT[key];
  if (place === "editing") return key === "Escape" ? "endEdit" : key === "Tab" && !shift ? "toggle" : null;
  if (key === "Escape" || key === " ") return "toggle";
  if (key === "?") return "keys";
  if (key === "u" || key === "U") return "nextUnsure";
  return place === "paragraph" ? inParagraph(key) : null;
}

function inParagraph(key: string): Action | null {
  if (key === "Enter" || key === "F2") return "edit";
  if (key === "s" || key === "S") return "speaker";
  if (key === "ArrowUp") return "previousParagraph";
  return key === "ArrowDown" ? "nextParagraph" : null;
}
