/** What keys need in every view: the focus stays near where it was, and Ctrl Z takes back what was deleted. */
import { focusThing, keepFocus } from "./keepFocus";
import { route } from "./route";
import { runAction, toasts } from "./toastQueue";

export function installKeyboard(root: HTMLElement): void {
  keepFocus(root);
  document.addEventListener("keydown", undo);
}

/** Not in a text, whose undo is its own, and not in a field, whose undo is the browser's. */
function undo(event: KeyboardEvent): void {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (!isUndo || route.value.jobId || (event.target as Element).closest("input, textarea")) return;
  const last = toasts.value.findLast(({ deleted }) => deleted !== undefined);
  if (!last) return;
  event.preventDefault();
  runAction(last.id);
  focusThing(`[data-job="${last.deleted}"]`);
}
