// @ts-check
/** The rows and files of a local deployment in one file, so that they are there again after a restart. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { convexToJson, jsonToConvex } from "convex/values";

/** @typedef {import("./backend.mjs").Backend} Backend */
/** @typedef {{ tables: Record<string, any[]>, files: Record<string, { type: string, base64: string }> }} Content */

/**
 * Fills `backend` from `file`, and writes `file` whenever a function may have written, before its caller gets the
 * answer.
 * @param {Backend} backend @param {string} file
 */
export async function persist(backend, file) {
  const content = read(file);
  if (content) await restore(backend, content);
  let saved = Promise.resolve();
  backend.save = () => (saved = saved.then(async () => write(file, await dump(backend))));
}

/** @param {Backend} backend @returns {Promise<Content>} */
async function dump(backend) {
  /** @type {Content} */ const content = { tables: {}, files: {} };
  for (const name of backend.tables)
    content.tables[name] = (await backend.table(name)).map((/** @type {any} */ row) => convexToJson(row));
  for (const id of await backend.fileIds()) {
    const blob = await backend.file(id);
    if (!blob) continue;
    content.files[id] = { type: blob.type, base64: Buffer.from(await blob.arrayBuffer()).toString("base64") };
  }
  return content;
}

/**
 * Rows and files get new ids; a row that names a file then names its new id. A row that names a scheduled function is
 * left out, because the function ended with the process.
 * @param {Backend} backend @param {Content} content
 */
async function restore(backend, { tables, files }) {
  for (const { name: component } of backend.units) {
    const prefix = component === "" ? "" : `${component}/`;
    const own = (/** @type {string} */ name) => name.slice(0, name.lastIndexOf("/") + 1) === prefix;
    /** @type {Map<unknown, string>} */ const ids = new Map();
    for (const [id, { type, base64 }] of Object.entries(files).filter(([id]) => own(id))) {
      const stored = await backend.store(new Blob([Buffer.from(base64, "base64")], { type }), component);
      ids.set(id.slice(prefix.length), stored.slice(prefix.length));
    }
    for (const name of backend.tables.filter(own)) {
      const rows = (tables[name] ?? []).filter((row) => !Object.values(row).some(namesScheduledFunction));
      await backend.insert(
        name,
        rows.map((row) => withNewIds(row, ids)),
      );
    }
  }
}

/** @param {any} row @param {Map<unknown, string>} ids */
const withNewIds = ({ _id, _creationTime, ...row }, ids) =>
  Object.fromEntries(Object.entries(row).map(([field, value]) => [field, ids.get(value) ?? jsonToConvex(value)]));

/** By the form of convex-test's ids. @param {unknown} value */
const namesScheduledFunction = (value) => typeof value === "string" && value.endsWith(";_scheduled_functions");

/** @param {string} file @returns {Content | null} */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (/** @type {any} */ (error).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes all of it or nothing, also when the process is killed. @param {string} file @param {Content} content */
function write(file, content) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(content));
  renameSync(`${file}.new`, file);
}
