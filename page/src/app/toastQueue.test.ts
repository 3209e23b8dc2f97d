/** How long a notice stays. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { closeToast, keep, resume, showToast, toasts } from "./toastQueue";

beforeEach(() => vi.useFakeTimers());

afterEach(() => {
  toasts.set([]);
  vi.useRealTimers();
});

test("a notice goes after a while, and not while it is pointed at", () => {
  const onEnd = vi.fn();
  showToast({ text: () => "Copied", onEnd });
  const { id } = toasts.value[0]!;
  keep(id);
  vi.advanceTimersByTime(3_600_000);
  expect(toasts.value).toHaveLength(1);
  resume(id);
  vi.advanceTimersByTime(60_000);
  expect(toasts.value).toEqual([]);
  expect(onEnd).toHaveBeenCalledOnce();
});

test("a notice that asks for an answer stays until it is answered", () => {
  showToast({ text: () => "A newer version is ready", stays: true });
  const { id } = toasts.value[0]!;
  keep(id);
  resume(id); // the pointer has left it
  vi.advanceTimersByTime(3_600_000);
  expect(toasts.value).toHaveLength(1);
  closeToast(id);
  expect(toasts.value).toEqual([]);
});
