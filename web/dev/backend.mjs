// @ts-check
/** A Convex deployment in memory: convex-test, with commits that can be listened to and files that have addresses. */
import { AsyncResource } from "node:async_hooks";
import { convexTest } from "convex-test";
import { makeFunctionReference } from "convex/server";
import { jsonToConvex } from "convex/values";

/** @typedef {"query" | "mutation" | "action"} Kind */
/** @typedef {{ subject: string, issuer: string } & Record<string, unknown>} Identity */

const WRITES = new Set(["1.0/insert", "1.0/shallowMerge", "1.0/replace", "1.0/remove", "1.0/storageDelete"]);
const IS = /** @type {const} */ ({ query: "isQuery", mutation: "isMutation", action: "isAction" });

export class Backend {
  /** @type {Set<() => void>} */ #watchers = new Set();
  #notifying = false;
  #lastTime = 0n;
  /** Awaited after what may have changed something, before anybody is told that it did. @type {() => Promise<void>} */
  confirm = async () => {};
  // convex-test tells "within a transaction" by async context. A watcher that begins inside a
  // mutation would have its queries join that mutation: this context is outside of all of them.
  #outside = new AsyncResource("local-convex");

  /** @param {import("./functions.mjs").Modules} modules @param {any} schema @param {() => string} origin */
  constructor(modules, schema, origin) {
    this.modules = modules;
    this.tables = Object.keys(schema.tables);
    this.test = convexTest(schema, modules);
    this.#listenToWrites(origin);
  }

  /** Runs what a client asked for; internal functions are as if they were not there. Returns a Convex value.
   * @param {Kind} kind @param {string} udfPath @param {unknown} args @param {Identity | null} identity */
  async run(kind, udfPath, args, identity = null) {
    const { fn, reference } = await this.#find(udfPath);
    if (!fn?.isPublic || !fn[IS[kind]])
      throw new Error(
        `Could not find public function for '${udfPath}'. Did you forget to run \`npx convex dev\` or \`npx convex deploy\`?`,
      );
    return await this.#call(kind, reference, args, identity);
  }

  /** Runs any function, as `npx convex run` would. @param {string} udfPath @param {unknown} [args] */
  async runInternal(udfPath, args) {
    const { fn, reference } = await this.#find(udfPath);
    const kind = /** @type {Kind[]} */ (["query", "mutation", "action"]).find((kind) => fn?.[IS[kind]]);
    if (!kind) throw new Error(`There is no function '${udfPath}'.`);
    return await this.#call(kind, reference, args, null);
  }

  /** @param {string} path @param {RequestInit} request */
  async fetch(path, request) {
    const answer = await this.test.fetch(path, request);
    await this.confirm();
    return answer;
  }

  /** @param {string} name */
  table(name) {
    return this.test.run((/** @type {any} */ ctx) => ctx.db.query(name).collect());
  }

  async clear() {
    await this.test.run(async (/** @type {any} */ ctx) => {
      for (const table of this.tables)
        for (const row of await ctx.db.query(table).collect()) await ctx.db.delete(row._id);
    });
    for (const id of await this.fileIds())
      await this.test.run((/** @type {any} */ ctx) => ctx.storage.delete(/** @type {any} */ (id)));
    await this.confirm();
  }

  /** @param {string} name @param {any[]} rows */
  insert(name, rows) {
    return this.test.run(async (/** @type {any} */ ctx) => {
      for (const row of rows) await ctx.db.insert(name, row);
    });
  }

  /** @returns {Promise<string[]>} */
  fileIds() {
    return this.test.run(async (/** @type {any} */ ctx) =>
      (await ctx.db.system.query("_storage").collect()).map((/** @type {any} */ { _id }) => _id),
    );
  }

  /** @param {string} id @returns {Promise<Blob | null>} */
  async file(id) {
    /** @type {Blob | null} */ let file = null; // an action could not return it: it is no Convex value
    await this.test.action(async (/** @type {any} */ ctx) => void (file = await ctx.storage.get(id))).catch(() => {});
    return file;
  }

  /** @param {Blob} blob @returns {Promise<string>} */
  store(blob) {
    return this.test.run((/** @type {any} */ ctx) => ctx.storage.store(blob));
  }

  /** The next moment of the deployment's clock. It never stands still, and is never behind `seen`. @param {bigint} [seen] */
  now(seen = 0n) {
    const clock = BigInt(Date.now()) * 1_000_000n;
    this.#lastTime = [clock, this.#lastTime + 1n, seen].reduce((a, b) => (a > b ? a : b));
    return this.#lastTime;
  }

  /** Calls back soon after anything was written, from wherever. @param {() => void} watcher */
  onChange(watcher) {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  changed() {
    if (this.#notifying) return;
    this.#notifying = true;
    setImmediate(() =>
      this.#outside.runInAsyncScope(() => {
        this.#notifying = false;
        for (const watcher of this.#watchers) watcher();
      }),
    );
  }

  close() {
    /** @type {any} */ (globalThis).Convex = this.#realConvex;
  }

  /** @type {any} */ #realConvex;

  /** @param {() => string} origin */
  #listenToWrites(origin) {
    // Every write passes here, whether of a mutation, an action or a scheduled function.
    const real = (this.#realConvex = /** @type {any} */ (globalThis).Convex);
    const changed = () => this.changed();
    /** @type {any} */ (globalThis).Convex = {
      get syscall() {
        return real.syscall;
      },
      get jsSyscall() {
        const call = real.jsSyscall;
        return async (/** @type {string} */ name, /** @type {any} */ args) => {
          const result = await call(name, args);
          changed();
          return result;
        };
      },
      get asyncSyscall() {
        const call = real.asyncSyscall;
        return async (/** @type {string} */ name, /** @type {string} */ args) => {
          const result = await call(name, args);
          if (WRITES.has(name)) changed();
          if (name !== "1.0/storageGetUrl" || JSON.parse(result) === null) return result;
          return JSON.stringify(`${origin()}/api/storage/${JSON.parse(args).storageId}`);
        };
      },
    };
  }

  /** @param {string} udfPath */
  async #find(udfPath) {
    const [file = "", name = "default"] = udfPath.replace(/\.js(?=:|$)/, "").split(":");
    const load = this.modules[`./${file}.ts`] ?? this.modules[`./${file}.js`];
    const fn = load && (await load())[name];
    return { fn, reference: /** @type {any} */ (makeFunctionReference(`${file}:${name}`)) };
  }

  /** @param {Kind} kind @param {any} reference @param {unknown} args @param {Identity | null} identity */
  async #call(kind, reference, args, identity) {
    const accessor = identity ? this.test.withIdentity(/** @type {any} */ (identity)) : this.test;
    const given = /** @type {any} */ (jsonToConvex(/** @type {any} */ ((Array.isArray(args) ? args[0] : args) ?? {})));
    const value = await /** @type {any} */ (accessor)[kind](reference, given);
    if (kind !== "query") await this.confirm();
    return value;
  }
}
