// @ts-check
/** One client on the WebSocket, in the sync protocol of Convex's clients. */
import { readUnverifiedToken } from "./token.mjs";
import { decodeTime, encode, encodeTime, failure, withField } from "./wire.mjs";

/** @typedef {import("./backend.mjs").Backend} Backend */

const PING_EVERY = 15_000;
const LARGEST_TRANSITION = 5_000_000;

/**
 * The results of mutations, by session and request. A client that lost its socket sends a mutation again, perhaps
 * while the first one still runs, and it must run once: so the map holds the promises.
 * @type {WeakMap<Backend, Map<string, Promise<object>>>}
 */
const mutationResults = new WeakMap();

export class SyncSession {
  #backend;
  #socket;
  #acceptsChunks;
  #ping;
  #unwatch;
  #sessionId = "";
  /** @type {import("./backend.mjs").Identity | null} */ #identity = null;
  /** @type {Map<number, { udfPath: string, args: unknown, journal: unknown, last?: string }>} */ #queries = new Map();
  /** @type {number[]} */ #removed = [];
  #sent = { querySet: 0, identity: 0, ts: 0n }; // the version that the client has
  #querySet = 0;
  #identityVersion = 0;
  #mustSend = false; // the client waits for a Transition, also an empty one
  #isUpdating = false;
  #isStale = false;
  #mutations = Promise.resolve();

  /** @param {Backend} backend @param {import("ws").WebSocket} socket @param {boolean} acceptsChunks */
  constructor(backend, socket, acceptsChunks) {
    this.#backend = backend;
    this.#socket = socket;
    this.#acceptsChunks = acceptsChunks;
    this.#ping = setInterval(() => this.#send(JSON.stringify({ type: "Ping" })), PING_EVERY);
    this.#unwatch = backend.onChange(() => void this.#update());
    if (!mutationResults.has(backend)) mutationResults.set(backend, new Map());
    socket.on("close", () => this.#close());
    socket.on("error", () => this.#close());
    socket.on("message", (data) => {
      try {
        this.#receive(JSON.parse(data.toString()));
      } catch (error) {
        this.#fatal(String(error));
      }
    });
  }

  drop() {
    this.#socket.terminate();
  }

  #close() {
    clearInterval(this.#ping);
    this.#unwatch();
  }

  /** @param {string} text */
  #send(text) {
    if (this.#socket.readyState === 1) this.#socket.send(text);
  }

  /** @param {string} error */
  #fatal(error) {
    this.#send(JSON.stringify({ type: "FatalError", error }));
    this.#socket.close();
  }

  /** @param {any} message */
  #receive(message) {
    switch (message.type) {
      case "Connect":
        this.#sessionId = message.sessionId;
        if (message.maxObservedTimestamp) this.#backend.now(decodeTime(message.maxObservedTimestamp));
        return;
      case "Event":
        return;
      case "Authenticate":
        return this.#authenticate(message);
      case "ModifyQuerySet":
        return this.#modify(message);
      case "Mutation": // one after another, in the order in which they came
        this.#mutations = this.#mutations.then(() => this.#mutate(message));
        return;
      case "Action":
        return void this.#runAction(message);
      default:
        return this.#fatal(`unknown message ${message.type}`);
    }
  }

  /** @param {any} message */
  #authenticate({ baseVersion, tokenType, value }) {
    if (baseVersion !== this.#identityVersion)
      return this.#fatal(`identity version is ${this.#identityVersion}, not ${baseVersion}`);
    try {
      this.#identity = tokenType === "User" ? readUnverifiedToken(value) : null;
    } catch (error) {
      return this.#send(
        JSON.stringify({ type: "AuthError", error: String(error), baseVersion, authUpdateAttempted: true }),
      );
    }
    this.#identityVersion += 1;
    for (const query of this.#queries.values()) delete query.last;
    this.#requestTransition();
  }

  /** @param {any} message */
  #modify({ baseVersion, newVersion, modifications }) {
    if (baseVersion !== this.#querySet)
      return this.#fatal(`query set version is ${this.#querySet}, not ${baseVersion}`);
    for (const { type, queryId, udfPath, args, journal = null } of modifications) {
      if (type === "Add") this.#queries.set(queryId, { udfPath, args, journal });
      else if (this.#queries.delete(queryId)) this.#removed.push(queryId);
    }
    this.#querySet = newVersion;
    this.#requestTransition();
  }

  /** @param {any} message */
  async #mutate({ requestId, udfPath, args }) {
    const results = /** @type {Map<string, Promise<object>>} */ (mutationResults.get(this.#backend));
    const key = `${this.#sessionId}:${requestId}`;
    const answer =
      results.get(key) ??
      this.#run("mutation", udfPath, args).then((result) => {
        if (!result.success) results.delete(key); // it wrote nothing, so the client may send it again
        return result.success ? { ...result, ts: encodeTime(this.#backend.now()) } : result;
      });
    results.set(key, answer);
    this.#respond("MutationResponse", requestId, await answer);
    this.#requestTransition(); // the client resolves the mutation with a Transition of its time or later
  }

  /** @param {any} message */
  async #runAction({ requestId, udfPath, args }) {
    this.#respond("ActionResponse", requestId, await this.#run("action", udfPath, args));
    this.#requestTransition();
  }

  /** @param {"mutation" | "action"} kind @param {string} udfPath @param {unknown} args */
  async #run(kind, udfPath, args) {
    try {
      return { success: true, text: encode(await this.#backend.run(kind, udfPath, args, this.#identity)) };
    } catch (error) {
      const { errorMessage, errorData } = failure(error);
      return { success: false, text: JSON.stringify(errorMessage), errorData };
    }
  }

  /** @param {string} type @param {number} requestId @param {any} answer */
  #respond(type, requestId, { text, ...rest }) {
    this.#send(withField({ type, requestId, logLines: [], ...rest }, "result", text));
  }

  #requestTransition() {
    this.#mustSend = true;
    void this.#update();
  }

  async #update() {
    if (this.#isUpdating) return void (this.#isStale = true);
    this.#isUpdating = true;
    do {
      this.#isStale = false;
      await this.#sendTransition();
    } while (this.#isStale);
    this.#isUpdating = false;
  }

  async #sendTransition() {
    const mustSend = this.#mustSend;
    this.#mustSend = false;
    const removed = this.#removed.splice(0);
    // The time from before the queries: a commit meanwhile is later, and this Transition does not claim to include it.
    const end = { querySet: this.#querySet, identity: this.#identityVersion, ts: this.#backend.now() };
    const modifications = removed.map((queryId) => JSON.stringify({ type: "QueryRemoved", queryId }));
    for (const [queryId, query] of [...this.#queries]) {
      const text = await this.#runQuery(queryId, query);
      if (text === query.last || this.#queries.get(queryId) !== query) continue;
      query.last = text;
      modifications.push(text);
    }
    if (!mustSend && modifications.length === 0) return;
    const head = { type: "Transition", startVersion: version(this.#sent), endVersion: version(end) };
    this.#sent = end;
    this.#sendChunked(withField(head, "modifications", `[${modifications.join(",")}]`));
  }

  /** @param {number} queryId @param {{ udfPath: string, args: unknown, journal: unknown }} query */
  async #runQuery(queryId, { udfPath, args, journal }) {
    const head = { queryId, logLines: [], journal };
    try {
      const value = await this.#backend.run("query", udfPath, args, this.#identity);
      return withField({ type: "QueryUpdated", ...head }, "value", encode(value));
    } catch (error) {
      return JSON.stringify({ type: "QueryFailed", ...head, ...failure(error) });
    }
  }

  /** @param {string} text */
  #sendChunked(text) {
    if (!this.#acceptsChunks || text.length <= LARGEST_TRANSITION) return this.#send(text);
    const totalParts = Math.ceil(text.length / LARGEST_TRANSITION);
    const transitionId = encodeTime(this.#sent.ts);
    for (let partNumber = 0; partNumber < totalParts; partNumber += 1) {
      const chunk = text.slice(partNumber * LARGEST_TRANSITION, (partNumber + 1) * LARGEST_TRANSITION);
      this.#send(JSON.stringify({ type: "TransitionChunk", chunk, partNumber, totalParts, transitionId }));
    }
  }
}

/** @param {{ querySet: number, identity: number, ts: bigint }} v */
const version = (v) => ({ ...v, ts: encodeTime(v.ts) });
