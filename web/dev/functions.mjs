// @ts-check
/** The deployment's functions, compiled from TypeScript so that Node can import them, and again on demand. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

// Inside node_modules, so that the compiled files find the packages they import.
const CACHE = fileURLToPath(new URL("../node_modules/.cache/local-convex/", import.meta.url));

/** @typedef {Record<string, () => Promise<any>>} Modules */

/** @param {string} source  the folder `convex/` */
export async function compile(source) {
  mkdirSync(CACHE, { recursive: true });
  removeLeftovers();
  const home = mkdtempSync(path.join(CACHE, `${process.pid}-`));
  const files = sources(source);
  let round = 0;

  async function compileOnce() {
    const folder = path.join(home, String(round + 1));
    await build({
      entryPoints: files.map((file) => path.join(source, file)),
      outbase: source,
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true, // a module that two functions share stays one module
      format: "esm",
      platform: "node",
      target: "node20",
      packages: "external",
      sourcemap: "inline",
      logLevel: "warning",
    });
    round += 1;
  }
  await compileOnce();

  /** @param {string} file */
  const load = (file) => import(pathToFileURL(path.join(home, String(round), file.replace(/\.[tj]s$/, ".mjs"))).href);
  /** @type {Modules} */
  const modules = Object.fromEntries(files.map((file) => [`./${file}`, () => load(file)]));
  return {
    modules,
    /** Compiles again; what runs afterwards is new, what runs already ends as it began. */
    recompile: compileOnce,
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** What Convex itself would deploy: no declarations, and no file with a second dot in its name. @param {string} source */
const sources = (source) =>
  readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /^[^.]+\.[tj]s$/.test(path.basename(file)));

/** Of processes that were killed before they could tidy up. */
function removeLeftovers() {
  for (const name of readdirSync(CACHE)) {
    try {
      process.kill(Number(name.split("-")[0]), 0);
    } catch {
      rmSync(path.join(CACHE, name), { recursive: true, force: true });
    }
  }
}
