/** A value that components watch. */
import { useEffect, useState } from "preact/hooks";

export type Signal<T> = { readonly value: T; set(value: T): void; subscribe(listener: () => void): () => void };

export function signal<T>(initial: T): Signal<T> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get value() {
      return current;
    },
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useSignal<T>(watched: Signal<T>): T {
  const [value, setValue] = useState<T>(watched.value);
  useEffect(() => {
    const update = () => setValue(() => watched.value);
    update();
    return watched.subscribe(update);
  }, [watched]);
  return value;
}
