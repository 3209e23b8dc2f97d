// @ts-check
/** What came to the HTTP actions and what became of it, so that a test can count effects, not messages. */

const MOST = 20_000;

/**
 * `sent` and `answer` are the plain fields (texts, numbers, …) of what was JSON; `answer` and `status`
 * are the action's own, also where a fault kept them from the caller; null where nothing was run.
 * @typedef {{ path: string, sent: object | null, fault: number | string | null, status: number | null, answer: object | null }} Call
 */

export class Calls {
  /** @type {Call[]} */ #newest = [];

  /** @param {string} path @param {Buffer} body @param {number | string | null} fault @param {{ status: number, body: Buffer } | null} answer */
  add(path, body, fault, answer) {
    this.#newest.push({
      path,
      sent: plainFields(body),
      fault,
      status: answer && answer.status,
      answer: answer && plainFields(answer.body),
    });
    if (this.#newest.length > MOST) this.#newest.splice(0, MOST / 2);
  }

  /** In the order in which they ended. */
  list() {
    return this.#newest;
  }

  clear() {
    this.#newest = [];
  }
}

/** @param {Buffer} json @returns {object | null} */
function plainFields(json) {
  try {
    return Object.fromEntries(
      Object.entries(JSON.parse(json.toString())).filter(([, value]) => typeof value !== "object" || value === null),
    );
  } catch {
    return null;
  }
}
