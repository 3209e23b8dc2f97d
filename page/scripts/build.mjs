// @ts-check
/**
 * Builds the page into the server's package, compressed, and fails where it weighs more than people on a phone should
 * load. With `--check` it writes nothing and fails where what is committed is not what these sources make.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (/** @type {string} */ name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const OUT = here("../common/http/page_files");

// gzip, in bytes.
const MOST_AT_FIRST = 60_000;
const MOST_OF_ALL = 200_000;

/** @type {import("esbuild").BuildOptions & { metafile: true, write: false }} */
const SHARED = {
  absWorkingDir: here("."),
  preserveSymlinks: true, // the names of the files hash the paths of the sources
  outdir: here("dist"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16.4"],
  entryNames: "[name]-[hash]",
  metafile: true,
  write: false,
  legalComments: "none",
};

/** Name → contents of every file of the page; `first` are those that a browser loads at once. */
async function makeFiles() {
  const worker = await build({ ...SHARED, entryPoints: { writer: here("src/record/writer.worker.ts") } });
  const [workerName] = find(Object.entries(worker.metafile.outputs), "src/record/writer.worker.ts");
  const { outputFiles, metafile } = await build({
    ...SHARED,
    entryPoints: { app: here("src/main.tsx"), style: here("src/styles/style.css") },
    splitting: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    chunkNames: "[name]-[hash]",
    define: { WRITER_WORKER: JSON.stringify(workerName) },
    loader: { ".svg": "text", ".sheet.css": "text" },
  });
  const outputs = Object.entries(metafile.outputs);
  const [script, scriptOutput] = find(outputs, "src/main.tsx");
  const [style] = find(outputs, "src/styles/style.css");
  const statics = staticsOf(metafile.outputs, scriptOutput);
  const html = readFileSync(here("src/index.html"), "utf8")
    .replace("%STYLE%", style)
    .replace("%SCRIPT%", script)
    .replace("%PRELOADS%", statics.map((name) => `<link rel="modulepreload" href="page/${name}" />`).join("\n    "));
  const built = [...worker.outputFiles, ...outputFiles];
  const files = new Map(built.map(({ path: file, contents }) => [path.basename(file), Buffer.from(contents)]));
  for (const name of ["icon.svg", "manifest.webmanifest"]) files.set(name, readFileSync(here(`src/${name}`)));
  for (const name of readdirSync(here("src/icons"))) files.set(name, readFileSync(here(`src/icons/${name}`)));
  files.set("index.html", Buffer.from(html));
  files.set("sw.js", await makeServiceWorker(files, script));
  return { files, first: ["index.html", script, style, ...statics] };
}

/**
 * All modules that a browser needs before the script runs. The page names them, since it would find each
 * only in the one before.
 * @param {import("esbuild").Metafile["outputs"]} outputs
 * @param {import("esbuild").Metafile["outputs"][string]} script
 */
function staticsOf(outputs, script) {
  const pending = [script];
  const found = new Set();
  for (let output = pending.pop(); output; output = pending.pop())
    for (const { path: file, kind } of output.imports)
      if (kind === "import-statement" && !found.has(file)) {
        found.add(file);
        pending.push(/** @type {typeof script} */ (outputs[file]));
      }
  return [...found].map((file) => path.basename(file));
}

/** Parts that few people use are kept when they are first loaded. */
const NOT_AT_ONCE = /^(docx|zip|Dashboard|Devices|icon[A-Z]|index\.html)/;

/** It names the files that it keeps; its bytes change with them, by which browsers know a newer page. */
async function makeServiceWorker(/** @type {Map<string, Buffer>} */ files, /** @type {string} */ script) {
  const hash = createHash("sha256");
  for (const name of [...files.keys()].sort()) hash.update(name).update(files.get(name) ?? "");
  const define = {
    FILES: JSON.stringify([...files.keys()].filter((name) => !NOT_AT_ONCE.test(name)).sort()),
    FIRST: JSON.stringify(script),
    VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)),
  };
  const { outputFiles } = await build({ ...SHARED, entryPoints: { sw: here("src/worker/sw.ts") }, define });
  return Buffer.from(outputFiles[0]?.contents ?? "");
}

/**
 * @template {{ entryPoint?: string }} T
 * @param {Array<[string, T]>} outputs
 * @param {string} entry
 * @returns {[string, T]}
 */
function find(outputs, entry) {
  const found = outputs.find(([, { entryPoint }]) => entryPoint === entry);
  if (!found) throw new Error(`Nothing was built of ${entry}.`);
  return [path.basename(found[0]), found[1]];
}

const gzip = (/** @type {Buffer} */ content) => gzipSync(content, { level: 9 });

const brotli = (/** @type {Buffer} */ content) =>
  brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });

/** @param {Map<string, Buffer>} files @param {string[]} first */
function checkSizes(files, first) {
  const sizes = new Map([...files].map(([name, content]) => [name, gzip(content).length]));
  const sum = (/** @type {Iterable<string>} */ names) =>
    [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
  const [atFirst, all] = [sum(first), sum(files.keys())];
  console.log(`first load ${(atFirst / 1000).toFixed(1)} kB, all ${(all / 1000).toFixed(1)} kB, gzip`);
  if (atFirst > MOST_AT_FIRST || all > MOST_OF_ALL) throw new Error("The page has become too heavy.");
}

/** @param {Map<string, Buffer>} files */
function write(files) {
  for (const name of readdirSync(OUT)) rmSync(path.join(OUT, name));
  for (const [name, content] of files) {
    writeFileSync(path.join(OUT, `${name}.br`), brotli(content));
    writeFileSync(path.join(OUT, `${name}.gz`), gzip(content));
  }
}

/** Compares contents, not compressed bytes: those differ from one zlib to the next. @param {Map<string, Buffer>} files */
function check(files) {
  const expected = [...files.keys()].flatMap((name) => [`${name}.br`, `${name}.gz`]).sort();
  const isSame =
    JSON.stringify(readdirSync(OUT).sort()) === JSON.stringify(expected) &&
    [...files].every(([name, content]) => {
      const read = (/** @type {string} */ suffix) => readFileSync(path.join(OUT, name + suffix));
      return brotliDecompressSync(read(".br")).equals(content) && gunzipSync(read(".gz")).equals(content);
    });
  if (!isSame) throw new Error("common/http/page_files is not what page/src makes: npm run build, and commit it.");
}

const { files, first } = await makeFiles();
checkSizes(files, first);
if (process.argv.includes("--check")) check(files);
else write(files);
