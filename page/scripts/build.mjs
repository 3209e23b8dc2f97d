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
import { rolldown } from "rolldown";

const here = (/** @type {string} */ name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const OUT = here("../common/http/page_files");

// gzip, in bytes.
const MOST_AT_FIRST = 60_000;
const MOST_OF_ALL = 200_000;

const TARGET = ["chrome109", "firefox115", "safari16.4"];

/**
 * Rolldown puts what the page always loads into few files; on AWS each file that a browser asks for at once may start
 * a function.
 * @param {Record<string, string>} input @param {Record<string, string>} define
 */
async function bundle(input, define = {}) {
  const built = await rolldown({
    input,
    cwd: here("."),
    transform: { target: TARGET, define },
    moduleTypes: { ".svg": "text", ".css": "text" },
  });
  const names = "[name]-[hash].js";
  const { output } = await built.generate({
    minify: true,
    comments: false,
    hashCharacters: "base36",
    entryFileNames: names,
    chunkFileNames: names,
  });
  return output.filter((file) => file.type === "chunk");
}

async function bundleStyle() {
  const { outputFiles } = await build({
    entryPoints: { style: here("src/styles/style.css") },
    outdir: here("dist"),
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    target: TARGET,
    write: false,
  });
  return outputFiles.map(({ path: file, contents }) => ({ name: path.basename(file), contents }))[0];
}

/** Name → contents of every file of the page; `first` are those that a browser loads at once. */
async function makeFiles() {
  const [worker] = await bundle({ writer: "src/record/writer.worker.ts" });
  const chunks = await bundle({ app: "src/main.tsx" }, { WRITER_WORKER: JSON.stringify(worker?.fileName) });
  const style = await bundleStyle();
  const script = chunks.find(({ isEntry }) => isEntry);
  if (!worker || !script || !style) throw new Error("Nothing was built.");
  const statics = staticsOf(chunks, script);
  const html = readFileSync(here("src/index.html"), "utf8")
    .replace("%STYLE%", style.name)
    .replace("%SCRIPT%", script.fileName)
    .replace("%PRELOADS%", statics.map((name) => `<link rel="modulepreload" href="page/${name}" />`).join("\n    "));
  const files = new Map([worker, ...chunks].map(({ fileName, code }) => [fileName, Buffer.from(code)]));
  files.set(style.name, Buffer.from(style.contents));
  for (const name of ["icon.svg", "manifest.webmanifest"]) files.set(name, readFileSync(here(`src/${name}`)));
  for (const name of readdirSync(here("src/icons"))) files.set(name, readFileSync(here(`src/icons/${name}`)));
  files.set("index.html", Buffer.from(html));
  files.set("sw.js", await makeServiceWorker(files, script.fileName));
  return { files, first: ["index.html", script.fileName, style.name, ...statics] };
}

/** @typedef {import("rolldown").OutputChunk} Chunk */

/**
 * All modules that a browser needs before the script runs. The page names them, since it would find each
 * only in the one before.
 * @param {Chunk[]} chunks @param {Chunk} script
 */
function staticsOf(chunks, script) {
  const found = new Set(script.imports);
  for (const name of found)
    for (const further of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) found.add(further);
  return [...found];
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
  const [worker] = await bundle({ sw: "src/worker/sw.ts" }, define);
  return Buffer.from(worker?.code ?? "");
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
