// @ts-check
/**
 * The package as npm would publish it: two packs are equal, its types resolve for every consumer, publint has no
 * complaint, and the hook is small. `dev/deployment.test.ts` installs it into an app.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LARGEST_HOOK = 12_000; // bytes of gzip, without React and Convex

const web = fileURLToPath(new URL("..", import.meta.url));
const cache = path.join(web, "node_modules/.cache");
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(path.join(cache, "package-"));

/** @param {string} command @param {string[]} args */
const run = (command, args) => execFileSync(command, args, { cwd: web, encoding: "utf8" });

/** @param {string} name @param {string[]} more */
function pack(name, ...more) {
  const destination = path.join(folder, name);
  mkdirSync(destination);
  run("npm", ["pack", "--silent", "--pack-destination", destination, ...more]);
  const { version } = JSON.parse(readFileSync(path.join(web, "package.json"), "utf8"));
  return path.join(destination, `escriba-${version}.tgz`);
}

/** @param {string} file */
const digest = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

async function hookSize() {
  const entryPoints = [path.join(web, "dist/react/index.js")];
  const external = ["react", "convex", "convex/*"];
  const { outputFiles } = await build({
    entryPoints,
    external,
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return gzipSync(/** @type {Uint8Array} */ (outputFiles[0]?.contents)).length;
}

try {
  const [first, second] = [pack("first"), pack("second", "--ignore-scripts")];
  if (digest(first) !== digest(second)) throw new Error("Two packs of the same files differ.");
  // The package has ES modules only, as Convex's components have. Node 20.19 can require() them.
  run("npx", ["attw", first, "--format", "ascii", "--ignore-rules", "cjs-resolves-to-esm"]);
  run("npx", ["publint", "run", first, "--strict"]);
  const size = await hookSize();
  console.log(`escriba/react: ${size} bytes of gzip`);
  if (size > LARGEST_HOOK) throw new Error(`escriba/react has ${size} bytes of gzip, more than ${LARGEST_HOOK}.`);
} catch (error) {
  const { stdout, stderr } = /** @type {any} */ (error);
  console.error("The package is not as it should be:", stdout || stderr || error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
