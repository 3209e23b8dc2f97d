/** The part of `localStorage` that a page uses, in memory; it can be full. */
export class MemoryStorage {
  isFull = false;
  #values = new Map<string, string>();
  getItem = (key: string) => this.#values.get(key) ?? null;
  setItem = (key: string, value: string) => {
    if (this.isFull) throw new DOMException("It is full.", "QuotaExceededError");
    this.#values.set(key, value);
  };
}
