/** What must come to be, however busy the machine is. */
import { vi } from "vitest";

export const eventually = <T>(check: () => T | Promise<T>, timeout = 20_000): Promise<T> =>
  vi.waitFor(check, { timeout, interval: 5 });
