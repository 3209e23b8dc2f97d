/** Arrow keys within a row or a column of controls, of which the tab key reaches one. */

type Axis = "row" | "column";

const STEPS: Record<Axis, Record<string, number>> = {
  row: { ArrowRight: 1, ArrowLeft: -1 },
  column: { ArrowDown: 1, ArrowUp: -1 },
};

/** `selector`: its controls, those that cannot be used now included. Returns how to stop. */
export function rove(place: HTMLElement, selector: string, axis: Axis): () => void {
  const controls = () => [...place.querySelectorAll<HTMLElement>(selector)];
  const usable = () => controls().filter((one) => !one.matches(":disabled") && one.checkVisibility());
  const offer = (chosen: HTMLElement | undefined) => {
    for (const one of controls()) one.tabIndex = one === chosen ? 0 : -1;
  };
  const update = () => {
    const offered = usable();
    offer(offered.find((one) => one.getAttribute("tabindex") === "0") ?? offered[0]);
  };
  const controller = new AbortController();
  const { signal } = controller;
  place.addEventListener("focusin", ({ target }) => isOneOf(usable(), target) && offer(target as HTMLElement), {
    signal,
  });
  place.addEventListener("keydown", (event) => press(event, usable(), axis), { signal });
  const observer = new MutationObserver(update);
  observer.observe(place, { subtree: true, childList: true, attributeFilter: ["disabled", "hidden"] });
  update();
  return () => {
    controller.abort();
    observer.disconnect();
  };
}

const isOneOf = (all: HTMLElement[], target: EventTarget | null): boolean => all.includes(target as HTMLElement);

function press(event: KeyboardEvent, all: HTMLElement[], axis: Axis): void {
  const at = all.indexOf(event.target as HTMLElement);
  const isPlain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (at < 0 || !isPlain) return;
  const step = STEPS[axis][event.key];
  const to = step ? (at + step + all.length) % all.length : { Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  all[to]!.focus();
}
