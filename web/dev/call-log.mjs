// @ts-check
/** The calls of the HTTP actions and their answers, so that a test can count effects and not only messages. */

const MOST = 20_000;

/**
 * `sent` and `answer` are the fields of the JSON body that are no objects. `answer` and `status` are the action's own,
 * also where a fault kept them from the caller; null where the action did not run.
 * @typedef {{ path: string, sent: object | null, fault: number | string | null, status: number | null, answer: object | null }} Call
 */

export class CallLog {
  /** @type {Call[]} */ #calls = [];

  /** @param {string} path @param {Buffer} body @param {number | string | null} fault @param {{ status: number, body: Buffer } | null} answer */
  add(path, body, fault, answer) {
    this.#calls.push({
      path,
      sent: plainFields(body),
      fault,
      status: answer && answer.status,
      answer: answer && plainFields(answer.body),
    });
    if (this.#calls.length > MOST) this.#calls.splice(0, MOST / 2);
  }

  /** In the order in which they ended. */
  list() {
    return this.#calls;
  }

  clear() {
    this.#calls = [];
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
