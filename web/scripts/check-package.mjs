// @ts-check
/** Packs and installs the library, compiles a consumer of it under both kinds of module resolution, and imports it in Node. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const cache = path.join(web, "node_modules/.cache");
mkdirSync(cache, { recursive: true });
const app = mkdtempSync(path.join(cache, "consumer-")); // below our node_modules, where it finds React and Convex

const CONSUMER = `
import { Transcriptions, createClient, linkConvex, type Transcription } from "escriba";
import { usePersistentTranscription } from "escriba/react";
import { anyApi } from "convex/server";
import type { ConvexReactClient } from "convex/react";

export function Jobs() {
  const { jobs, start, connection } = usePersistentTranscription({ apiUrl: "https://api.example.com", functions: anyApi.jobs as never });
  const first: Transcription | undefined = jobs[0];
  const id: string = start(new Blob([]), { language: "es" });
  // @ts-expect-error: there is no such status
  if (first?.status === "done") return id;
  return connection;
}
export const plain = (client: ConvexReactClient) =>
  new Transcriptions({ apiUrl: "https://api.example.com", convex: linkConvex(client, anyApi.jobs as never) });
export const ended = () => createClient("https://api.example.com").waitForEnd("id").then(({ result }) => result?.text.length);
`;

try {
  const run = (/** @type {string} */ command, /** @type {string[]} */ args) =>
    execFileSync(command, args, { cwd: app, encoding: "utf8" });
  execFileSync("npm", ["pack", "--silent", "--pack-destination", app], {
    cwd: web,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const library = path.join(app, "node_modules/escriba");
  mkdirSync(library, { recursive: true });
  run("tar", ["-xzf", "escriba-0.1.0.tgz", "--strip-components=1", "-C", library]);
  writeFileSync(path.join(app, "package.json"), '{"type": "module"}');
  writeFileSync(path.join(app, "consumer.ts"), CONSUMER);
  const tsc = path.join(web, "node_modules/typescript/bin/tsc");
  for (const resolution of ["NodeNext", "Bundler"]) {
    const module = resolution === "Bundler" ? "ESNext" : resolution;
    const compilerOptions = {
      noEmit: true,
      strict: true,
      target: "ES2022",
      lib: ["ES2023", "DOM", "DOM.Iterable"],
      module,
      moduleResolution: resolution,
      types: [],
    };
    writeFileSync(path.join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    run(process.execPath, [tsc, "-p", "."]);
  }
  run(process.execPath, [
    "--input-type=module",
    "-e",
    'const { createClient } = await import("escriba"); await import("escriba/react"); createClient("http://localhost");',
  ]);
} catch (error) {
  console.error("The packed library cannot be used:", /** @type {any} */ (error).stdout || error);
  process.exitCode = 1;
} finally {
  rmSync(app, { recursive: true, force: true });
}
