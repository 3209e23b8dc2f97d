// @ts-check
/** A local deployment's rows and files in one file, so that a restart finds what was confirmed. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { convexToJson, jsonToConvex } from "convex/values";

/** @typedef {import("./backend.mjs").Backend} Backend */
/** @typedef {{ tables: Record<string, any[]>, files: Record<string, { type: string, base64: string }> }} JobStorage */

/**
 * Fills `backend` with what `file` holds, and has it written again before anything is confirmed.
 * @param {Backend} backend @param {string} file
 */
export async function keepIn(backend, file) {
  const kept = read(file);
  if (kept) await restore(backend, kept);
  let saving = Promise.resolve();
  backend.confirm = () => (saving = saving.then(async () => write(file, await dump(backend))));
}

/** @param {Backend} backend @returns {Promise<JobStorage>} */
async function dump(backend) {
  /** @type {JobStorage} */ const kept = { tables: {}, files: {} };
  for (const name of backend.tables)
    kept.tables[name] = (await backend.table(name)).map((/** @type {any} */ row) => convexToJson(row));
  for (const id of await backend.fileIds()) {
    const blob = await backend.file(id);
    if (blob) kept.files[id] = { type: blob.type, base64: Buffer.from(await blob.arrayBuffer()).toString("base64") };
  }
  return kept;
}

/** Rows and files get new ids; where a row names a file, it names the new one. @param {Backend} backend @param {JobStorage} kept */
async function restore(backend, { tables, files }) {
  /** @type {Map<unknown, string>} */ const ids = new Map();
  for (const [id, { type, base64 }] of Object.entries(files))
    ids.set(id, await backend.store(new Blob([Buffer.from(base64, "base64")], { type })));
  for (const name of backend.tables) {
    const rows = (tables[name] ?? []).map(({ _id, _creationTime, ...row }) =>
      Object.fromEntries(Object.entries(row).map(([field, value]) => [field, ids.get(value) ?? jsonToConvex(value)])),
    );
    await backend.insert(name, rows);
  }
}

/** @param {string} file @returns {JobStorage | null} */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (/** @type {any} */ (error).code === "ENOENT") return null;
    throw error;
  }
}

/** All of it or nothing, whenever the process is killed. @param {string} file @param {JobStorage} kept */
function write(file, kept) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(kept));
  renameSync(`${file}.new`, file);
}
