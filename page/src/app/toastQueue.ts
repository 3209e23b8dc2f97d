/** Short notices at the foot of the page, some with a way back. */
import { signal } from "./signal";

export type Toast = {
  id: number;
  /** Called when it is shown, so that it follows the page's language. */
  text: () => string;
  action?: { label: () => string; run: () => void };
  /** Until the person answers. */
  stays?: boolean;
  onEnd?: () => void;
  /** The job whose text has come. */
  jobId?: string;
};

/** Milliseconds; long enough to read and to reach the button (WCAG 2.2.1 is met by `keep`, while it is pointed at). */
const SHOWN = 8_000;

export const toasts = signal<readonly Toast[]>([]);

let next = 1;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

/** `onEnd` runs when it disappears without its action. */
export function showToast(toast: Omit<Toast, "id">): void {
  const id = next++;
  toasts.set([...toasts.value, { ...toast, id }]);
  resume(id);
}

export function closeToast(id: number): void {
  const toast = toasts.value.find((one) => one.id === id);
  keep(id);
  toasts.set(toasts.value.filter((one) => one.id !== id));
  toast?.onEnd?.();
}

/** The text is open: its notice has nothing more to say. */
export function closeNoticeOf(jobId: string): void {
  for (const toast of toasts.value) if (toast.jobId === jobId) closeToast(toast.id);
}

export function runAction(id: number): void {
  const toast = toasts.value.find((one) => one.id === id);
  keep(id);
  toasts.set(toasts.value.filter((one) => one.id !== id));
  toast?.action?.run();
}

/** It stays while a pointer or the focus is on it. */
export function keep(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

export function resume(id: number): void {
  keep(id);
  if (toasts.value.find((one) => one.id === id)?.stays) return;
  timers.set(
    id,
    setTimeout(() => closeToast(id), SHOWN),
  );
}
