// @ts-check
/** The deployment's functions: compiled from TypeScript so that Node can import them, and compiled again on demand. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

// Inside node_modules, so that the compiled files find the packages that they import.
const CACHE = fileURLToPath(new URL("../node_modules/.cache/local-convex/", import.meta.url));

/** @typedef {Record<string, () => Promise<any>>} Modules */

/** @param {string} source  the folder `convex/` */
export async function compile(source) {
  mkdirSync(CACHE, { recursive: true });
  removeFoldersOfDeadProcesses();
  const root = mkdtempSync(path.join(CACHE, `${process.pid}-`));
  const files = functionFiles(source);
  let version = 0;

  async function recompile() {
    await compileTo(path.join(root, String(version + 1)), source, files);
    version += 1;
  }
  await recompile();

  /** @param {string} file */
  const load = (file) => import(pathToFileURL(path.join(root, String(version), file.replace(/\.[tj]s$/, ".mjs"))).href);
  /** @type {Modules} */
  const modules = Object.fromEntries(files.map((file) => [`./${file}`, () => load(file)]));
  return {
    modules,
    /** Later calls run the new version; a call that runs already ends with the old one. */
    recompile,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** @param {string} folder @param {string} source @param {string[]} files */
const compileTo = (folder, source, files) =>
  build({
    entryPoints: files.map((file) => path.join(source, file)),
    outbase: source,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true, // a module that two functions import stays one module
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
    logLevel: "warning",
  });

/** Calls back soon after a file of `source` was saved. @param {string} source @param {(file: string) => void} onSaved */
export function watchFunctions(source, onSaved) {
  /** @type {NodeJS.Timeout} */ let timer;
  return watch(source, { recursive: true }, (_, file) => {
    if (!/\.ts$/.test(String(file))) return;
    clearTimeout(timer);
    timer = setTimeout(() => onSaved(String(file)), 50);
  });
}

/** The files that Convex would deploy: no declarations, and no file with a second dot in its name. @param {string} source */
const functionFiles = (source) =>
  readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /^[^.]+\.[tj]s$/.test(path.basename(file)));

/** A process that is killed cannot remove its folder. */
function removeFoldersOfDeadProcesses() {
  for (const name of readdirSync(CACHE)) {
    try {
      process.kill(Number(name.split("-")[0]), 0);
    } catch {
      rmSync(path.join(CACHE, name), { recursive: true, force: true });
    }
  }
}
