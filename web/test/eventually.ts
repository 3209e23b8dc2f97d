/** Repeats a check until it passes: a machine may be busy, so the limit is far beyond what the check needs. */
import { vi } from "vitest";

export const eventually = <T>(check: () => T | Promise<T>, timeout = 60_000): Promise<T> =>
  vi.waitFor(check, { timeout, interval: 5 });
