/** Where the control that has the focus goes away, the focus goes to what is nearest: never back to the top of the page. */

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";
/** What stays the same thing when its element is another: a job's card and the row that follows it, a key, a part. */
const THINGS = ["data-job", "data-key", "data-delivery", "data-part"];
/** Milliseconds in which a thing that went away may come back as another element. */
const LONGEST_WAIT = 5_000;

type Step = { element: HTMLElement; next: Element | null; previous: Element | null };

/** From the control that has the focus up to the page, each with its neighbours. */
let path: readonly Step[] = [];
/** The same of the control that had it before a notice got it. */
let beforeNotice: readonly Step[] = [];
let wanted: { selector: string; from: Element | null; until: number } | null = null;
let isTouched = false;

export function keepFocus(root: HTMLElement): void {
  // On a phone a field that gets the focus would open the keyboard.
  addEventListener("pointerdown", ({ pointerType }) => (isTouched = pointerType === "touch"), true);
  addEventListener("keydown", () => (isTouched = false), true);
  document.addEventListener("focusin", ({ target }) => remember(target as HTMLElement, root));
  document.addEventListener("focusout", () => queueMicrotask(forgetWhatWasLeft));
  new MutationObserver(watch).observe(root, {
    ...{ subtree: true, childList: true },
    attributeFilter: ["disabled"],
  });
}

/** Moves the focus to this thing as soon as it is there. */
export function focusThing(selector: string): void {
  wanted = { selector, from: document.activeElement, until: performance.now() + LONGEST_WAIT };
  followWanted();
}

function remember(target: HTMLElement, root: HTMLElement): void {
  if (target.closest(".toasts") && !isInNotice(path)) beforeNotice = path;
  const steps: Step[] = [];
  for (let element: HTMLElement | null = target; element && element !== root; element = element.parentElement)
    steps.push({ element, next: element.nextElementSibling, previous: element.previousElementSibling });
  path = steps;
}

/** A person who clicks beside all controls wants no focus. */
function forgetWhatWasLeft(): void {
  if (document.activeElement === document.body && !isLost()) path = [];
}

function isLost(): boolean {
  const [first] = path;
  return first !== undefined && (!first.element.isConnected || first.element.matches(":disabled"));
}

function watch(): void {
  const active = document.activeElement;
  if (isLost() && !isTouched && (active === document.body || active === path[0]!.element)) move();
  followWanted();
}

function move(): void {
  const selector = path.map(({ element }) => selectorOf(element)).find((one) => one !== null);
  const found = (selector && findThing(selector)) || findNear();
  path = [];
  found.focus({ preventScroll: found.id === "content" });
  if (selector && !found.closest(selector)) focusThing(selector);
}

function followWanted(): void {
  if (!wanted) return;
  const { selector, from, until } = wanted;
  const found = findThing(selector);
  if (found && document.activeElement === from && performance.now() < until) found.focus();
  if (found || performance.now() >= until) wanted = null;
}

function selectorOf(element: HTMLElement): string | null {
  const { about } = element.dataset; // a notice of a job
  if (about) return `[data-job="${about}"]`;
  const name = THINGS.find((one) => element.hasAttribute(one));
  return name ? `[${name}="${element.getAttribute(name)}"]` : null;
}

/** Its first control; a thing without one gets the focus itself. */
function findThing(selector: string): HTMLElement | null {
  const thing = document.querySelector<HTMLElement>(`main ${selector}`);
  if (!thing) return null;
  const [control] = controlsIn(thing);
  if (!control) thing.tabIndex = -1;
  return control ?? thing;
}

/** In the neighbours of what went away, then in what is around it. A notice was beside the way of the person. */
function findNear(): HTMLElement {
  const way = isInNotice(path) ? beforeNotice : path;
  const lost = way[0]?.element;
  const main = document.getElementById("content")!;
  if (!lost) return main;
  if (isUsable(lost)) return lost;
  const gone = way.findLastIndex(({ element }) => !element.isConnected);
  for (const [i, { next, previous }] of way.entries()) {
    const around = way[i + 1]?.element;
    if (i < gone) continue;
    const beside = alike(controlsIn(next), lost) ?? alike(controlsIn(previous).reverse(), lost);
    if (beside) return beside;
    if (around === main) return main;
    const [found] = controlsIn(around);
    if (found) return found;
  }
  return main;
}

const isInNotice = (way: readonly Step[]): boolean => way.some(({ element }) => element.matches(".toasts"));

/** The one that does the same with the neighbour, or the nearest. */
const alike = (controls: HTMLElement[], lost: HTMLElement): HTMLElement | undefined =>
  controls.find((one) => one.className === lost.className && one.textContent === lost.textContent) ?? controls[0];

function controlsIn(element: Element | null | undefined): HTMLElement[] {
  if (!element?.isConnected) return [];
  const all = [element, ...element.querySelectorAll(CONTROLS)] as HTMLElement[];
  return all.filter((one) => one.matches(CONTROLS) && isUsable(one));
}

/** The tab key reaches one tool of a toolbar; the others can have the focus, too. */
const isUsable = (control: HTMLElement): boolean =>
  control.isConnected &&
  (control.tabIndex >= 0 || control.closest("[role=toolbar]") !== null) &&
  !control.matches(":disabled") &&
  control.checkVisibility();
