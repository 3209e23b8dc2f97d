// @ts-check
/**
 * Faults for the HTTP actions of the local Convex:
 *
 *   {"status": 500}                  answers with this status (400 to 599), and runs nothing
 *   {"status": "drop"}               cuts the connection, and runs nothing
 *   {"status": "drop_after_apply"}   runs the action, and cuts the connection instead of answering
 *   {"status": "slow", "seconds": 2} waits before it runs the action
 *   {"status": "away", "seconds": 5} cuts every connection, also the clients' WebSockets
 *
 * Each is active for the next `count` requests, or for any request with probability `rate`, or (other than "slow")
 * for `seconds`; without any of these, until it is cleared.
 */
const KINDS = ["drop", "drop_after_apply", "slow", "away"];

/** @typedef {{ status: number | string, count?: number, rate?: number, seconds?: number, until: number }} Fault */

export class Faults {
  /** @type {Fault[]} */ #active = [];
  requests = 0;
  injected = 0;

  /** @param {any} fault */
  add(fault) {
    const { status, count, rate, seconds } = fault ?? {};
    if (!(KINDS.includes(status) || (Number.isInteger(status) && status >= 400 && status <= 599))) {
      throw new Error(`status must be 400 to 599, or one of ${KINDS.join(", ")}`);
    }
    for (const [name, value] of Object.entries({ count, rate, seconds })) {
      if (value !== undefined && !(typeof value === "number" && value >= 0))
        throw new Error(`${name} must be a number, 0 or more`);
    }
    const until = status !== "slow" && seconds !== undefined ? Date.now() + seconds * 1000 : Infinity;
    this.#active.push({ status, count, rate, seconds, until });
  }

  clear() {
    this.#active = [];
    this.requests = this.injected = 0;
  }

  report() {
    this.#removeExpired();
    return {
      active: this.#active.map(({ until, ...fault }) => fault),
      requests: this.requests,
      injected: this.injected,
    };
  }

  get isAway() {
    this.#removeExpired();
    return this.#active.some((fault) => fault.status === "away");
  }

  /** The fault of the next request, or null. */
  next() {
    this.requests += 1;
    this.#removeExpired();
    const fault = this.#active.find(
      ({ status, rate }) => status !== "away" && (rate === undefined || Math.random() < rate),
    );
    if (!fault) return null;
    if (fault.count !== undefined) fault.count -= 1;
    this.injected += 1;
    return fault;
  }

  #removeExpired() {
    this.#active = this.#active.filter(({ count = 1, until }) => count > 0 && Date.now() < until);
  }
}
