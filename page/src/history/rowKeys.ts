/** Arrow keys in the list of texts: from a row to the same control of its neighbour. */

export function moveInRows(event: KeyboardEvent): void {
  const control = event.target as Element;
  const row = control.closest("li");
  const to = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
  const found = to?.querySelector<HTMLElement>(control.localName);
  if (!found || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  found.focus();
}
