// @ts-check
/** The deployment's functions: compiled from TypeScript so that Node can import them, and compiled again on demand. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { findComponents } from "./components.mjs";
import { findModules } from "./modules.mjs";

// Inside node_modules, so that the compiled files find Convex.
const CACHE = fileURLToPath(new URL("../node_modules/.cache/local-convex/", import.meta.url));

/** @typedef {Record<string, () => Promise<any>>} Modules */
/** Functions with tables of their own: the app, whose name is empty, or a component.
 * @typedef {{ name: string, modules: Modules, schema: any }} Unit */

const WEB = fileURLToPath(new URL("../", import.meta.url));

/** How Convex compiles functions, but for Node. All packages but Convex are compiled too: a component is a package.
 * @param {string} source @returns {import("esbuild").BuildOptions} */
export const compileOptions = (source) => ({
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: ["convex", "convex/*"],
  conditions: source.startsWith(WEB) ? ["@convex-dev/component-source"] : [], // here the component is not built yet
  logLevel: "warning",
});

/** @param {string} source  the folder `convex/` of an app */
export async function compile(source) {
  mkdirSync(CACHE, { recursive: true });
  removeFoldersOfDeadProcesses();
  const root = mkdtempSync(path.join(CACHE, `${process.pid}-`));
  const components = existsSync(path.join(source, "convex.config.ts")) ? await findComponents(source, root) : [];
  const sources = [{ name: "", folder: source }, ...components];
  let version = 0;

  async function recompile() {
    for (const { name, folder } of sources) await compileTo(folderOf(name, version + 1), folder, findModules(folder));
    version += 1;
  }
  /** @param {string} name @param {number} version */
  const folderOf = (name, version) => path.join(root, String(version), name || "app");
  /** @param {string} name @param {string} file */
  const load = (name, file) =>
    import(pathToFileURL(path.join(folderOf(name, version), file.replace(/\.[tj]s$/, ".mjs"))).href);

  await recompile();
  const units = await Promise.all(
    sources.map(async ({ name, folder }) => {
      const modules = Object.fromEntries(findModules(folder).map((file) => [`./${file}`, () => load(name, file)]));
      const schema = modules["./schema.ts"] ?? modules["./schema.js"];
      return { name, modules, schema: schema && (await schema()).default };
    }),
  );
  return {
    /** @type {Unit[]} */ units,
    folders: sources.map(({ folder }) => folder),
    /** Later calls run the new version; a call that runs already ends with the old one. */
    recompile,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** @param {string} folder @param {string} source @param {string[]} files */
const compileTo = (folder, source, files) =>
  build({
    ...compileOptions(source),
    entryPoints: files.map((file) => path.join(source, file)),
    outbase: source,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    splitting: true, // a module that two functions import stays one module
    sourcemap: "inline",
  });

/** Calls back soon after a file was saved. @param {string[]} folders @param {(file: string) => void} onSaved */
export function watchFunctions(folders, onSaved) {
  /** @type {NodeJS.Timeout} */ let timer;
  const watchers = folders.map((folder) =>
    watch(folder, { recursive: true }, (_, file) => {
      if (!/\.ts$/.test(String(file))) return;
      clearTimeout(timer);
      timer = setTimeout(() => onSaved(String(file)), 50);
    }),
  );
  return { close: () => watchers.forEach((watcher) => watcher.close()) };
}

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
