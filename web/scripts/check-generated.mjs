// @ts-check
/** Fails when `convex/_generated/` differs from what Convex generates now; `npm run codegen` updates it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const cache = path.join(web, "node_modules/.cache");
mkdirSync(cache, { recursive: true });
const copy = mkdtempSync(path.join(cache, "codegen-")); // Convex generates in a copy: the check changes no file
try {
  cpSync(path.join(web, "convex"), path.join(copy, "convex"), { recursive: true });
  cpSync(path.join(web, "package.json"), path.join(copy, "package.json"));
  rmSync(path.join(copy, "convex/_generated"), { recursive: true });
  const convex = path.join(web, "node_modules/convex/bin/main.js");
  execFileSync(process.execPath, [convex, "codegen", "--system-udfs", "--typecheck", "disable"], {
    cwd: copy,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const read = (/** @type {string} */ root) => {
    const folder = path.join(root, "convex/_generated");
    return Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(path.join(folder, name), "utf8")]),
    );
  };
  const [committed, fresh] = [read(web), read(copy)];
  const drifted = Object.keys({ ...committed, ...fresh }).filter((name) => committed[name] !== fresh[name]);
  if (drifted.length > 0) {
    console.error(`convex/_generated is out of date (${drifted.join(", ")}): run "npm run codegen".`);
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
