// @ts-check
/**
 * A Convex deployment in memory: convex-test, which notifies watchers of commits and gives stored files addresses. What
 * belongs to a component is named `escriba/jobs`: first the component, then the table, file or function.
 */
import { AsyncResource } from "node:async_hooks";
import { convexTest } from "convex-test";
import { makeFunctionReference } from "convex/server";
import { jsonToConvex } from "convex/values";

/** @typedef {"query" | "mutation" | "action"} Kind */
/** @typedef {{ subject: string, issuer: string } & Record<string, unknown>} Identity */

const WRITES = new Set(["1.0/insert", "1.0/shallowMerge", "1.0/replace", "1.0/remove", "1.0/storageDelete"]);
const KIND_FIELD = /** @type {const} */ ({ query: "isQuery", mutation: "isMutation", action: "isAction" });

export class Backend {
  /** @type {Set<() => void>} */ #watchers = new Set();
  #isNotifying = false;
  #lastTime = 0n;
  /** @type {any} */ #originalConvex;
  /** convex-test with the methods that its types do not name. @type {any} */ #inner;
  /** Awaited after every function that may have written, before its caller gets the answer. @type {() => Promise<void>} */
  save = async () => {};
  // convex-test recognises a transaction by its async context. A watcher that is called inside a mutation would run
  // its queries in that transaction; this context is outside of all transactions.
  #rootContext = new AsyncResource("local-convex");

  /** @param {import("./functions.mjs").Unit[]} units  the app first @param {() => string} origin */
  constructor(units, origin) {
    const [app, ...components] = /** @type {[import("./functions.mjs").Unit, ...import("./functions.mjs").Unit[]]} */ (
      units
    );
    this.units = units;
    this.modules = app.modules;
    this.tables = units.flatMap(({ name, schema }) => Object.keys(schema.tables).map((table) => join(name, table)));
    this.test = convexTest(app.schema, app.modules);
    this.#inner = this.test;
    for (const { name, schema, modules } of components) this.test.registerComponent(name, schema, modules);
    this.#interceptSyscalls(origin);
  }

  /** Runs a function for a client; an internal function is not found. Returns a Convex value.
   * @param {Kind} kind @param {string} udfPath @param {unknown} args @param {Identity | null} identity */
  async run(kind, udfPath, args, identity = null) {
    const { fn, reference } = await this.#find(udfPath);
    if (!fn?.isPublic || !fn[KIND_FIELD[kind]])
      throw new Error(
        `Could not find public function for '${udfPath}'. Did you forget to run \`npx convex dev\` or \`npx convex deploy\`?`,
      );
    return await this.#call(kind, reference, args, identity);
  }

  /** Runs any function, as `npx convex run` does. @param {string} udfPath @param {unknown} [args] */
  async runInternal(udfPath, args) {
    const { component, rest } = this.#split(udfPath);
    const json = /** @type {any} */ ((Array.isArray(args) ? args[0] : args) ?? {});
    const value = await this.#inner.fun({ componentPath: component, udfPath: rest }, jsonToConvex(json));
    await this.save();
    return value;
  }

  /** Runs an HTTP action. @param {string} path @param {RequestInit} request */
  async fetch(path, request) {
    const response = await this.test.fetch(path, request);
    await this.save();
    return response;
  }

  /** @param {string} name @returns {Promise<any[]>} */
  table(name) {
    const { component, rest } = this.#split(name);
    return this.inside(component, (ctx) => ctx.db.query(rest).collect());
  }

  /** Deletes all rows and files. */
  async clear() {
    for (const table of this.tables) {
      const { component, rest } = this.#split(table);
      await this.inside(component, async (ctx) => {
        for (const row of await ctx.db.query(rest).collect()) await ctx.db.delete(row._id);
      });
    }
    for (const id of await this.fileIds()) {
      const { component, rest } = this.#split(id);
      await this.inside(component, (ctx) => ctx.storage.delete(rest));
    }
    await this.save();
  }

  /** @param {string} name @param {any[]} rows @returns {Promise<void>} */
  insert(name, rows) {
    const { component, rest } = this.#split(name);
    return this.inside(component, async (ctx) => {
      for (const row of rows) await ctx.db.insert(rest, row);
    });
  }

  /** @returns {Promise<string[]>} */
  async fileIds() {
    const ids = this.units.map(({ name }) =>
      this.inside(name, async (ctx) =>
        (await ctx.db.system.query("_storage").collect()).map((/** @type {any} */ { _id }) => join(name, _id)),
      ),
    );
    return (await Promise.all(ids)).flat();
  }

  /** @param {string} id @returns {Promise<Blob | null>} */
  async file(id) {
    const { component, rest } = this.#split(id);
    /** @type {Blob | null} */ let file = null; // a transaction cannot return a Blob: it is no Convex value
    await this.inside(component, async (ctx) => void (file = await ctx.storage.get(rest))).catch(() => {});
    return file;
  }

  /** @param {Blob} blob @param {string} [component] @returns {Promise<string>} */
  async store(blob, component = "") {
    return join(component, await this.inside(component, (ctx) => ctx.storage.store(blob)));
  }

  /** A time of the deployment's clock, later than every one before and not earlier than `seen`. @param {bigint} [seen] */
  now(seen = 0n) {
    const clock = BigInt(Date.now()) * 1_000_000n;
    this.#lastTime = [clock, this.#lastTime + 1n, seen].reduce((a, b) => (a > b ? a : b));
    return this.#lastTime;
  }

  /** Calls back soon after every write, of whichever function. Returns how to stop. @param {() => void} watcher */
  onChange(watcher) {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  notify() {
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    setImmediate(() =>
      this.#rootContext.runInAsyncScope(() => {
        this.#isNotifying = false;
        for (const watcher of this.#watchers) watcher();
      }),
    );
  }

  close() {
    /** @type {any} */ (globalThis).Convex = this.#originalConvex;
  }

  /** Every write of every function is a syscall of convex-test. @param {() => string} origin */
  #interceptSyscalls(origin) {
    const original = (this.#originalConvex = /** @type {any} */ (globalThis).Convex);
    const notify = () => this.notify();
    /** @type {any} */ (globalThis).Convex = {
      get syscall() {
        return original.syscall;
      },
      get jsSyscall() {
        const call = original.jsSyscall;
        return async (/** @type {string} */ name, /** @type {any} */ args) => {
          const result = await call(name, args);
          notify();
          return result;
        };
      },
      get asyncSyscall() {
        const call = original.asyncSyscall;
        return async (/** @type {string} */ name, /** @type {string} */ args) => {
          const result = await call(name, args);
          if (WRITES.has(name)) notify();
          if (name !== "1.0/storageGetUrl" || JSON.parse(result) === null) return result;
          const { componentPath } = JSON.parse(await call("1.0/getFunctionMetadata", "{}"));
          const id = join(componentPath, JSON.parse(args).storageId);
          return JSON.stringify(`${origin()}/api/storage/${encodeURIComponent(id)}`);
        };
      },
    };
  }

  /** Runs `handler` with the tables and files of a component. @param {string} component @param {(ctx: any) => unknown} handler
   * @returns {Promise<any>} */
  inside(component, handler) {
    return this.#inner.runInComponent(component, handler);
  }

  /** Which component a name belongs to; the app's own is empty. @param {string} name */
  #split(name) {
    const component = this.units.find((unit) => unit.name !== "" && name.startsWith(`${unit.name}/`))?.name ?? "";
    return { component, rest: component === "" ? name : name.slice(component.length + 1) };
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
    const json = /** @type {any} */ ((Array.isArray(args) ? args[0] : args) ?? {});
    const value = await /** @type {any} */ (accessor)[kind](reference, jsonToConvex(json));
    if (kind !== "query") await this.save();
    return value;
  }
}

/** @param {string} component @param {string} name */
const join = (component, name) => (component === "" ? name : `${component}/${name}`);
