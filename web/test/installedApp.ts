/**
 * An app as somebody makes it who follows README.md: in an empty folder, with the packed package and the code of the
 * README, and nothing of this folder.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const web = fileURLToPath(new URL("../", import.meta.url));
const PACKAGES = ["convex", "react", "react-dom", "typescript", "@types/react"];

const TSCONFIG = {
  compilerOptions: {
    ...{ target: "ES2022", lib: ["ES2023", "DOM", "DOM.Iterable"], module: "ESNext", moduleResolution: "Bundler" },
    ...{ jsx: "react-jsx", strict: true, skipLibCheck: true, noEmit: true, allowJs: true, types: [] },
  },
  include: ["convex", "src"],
};

async function run(command: string, args: string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { cwd })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

export async function installApp() {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-app-"));
  await run("npm", ["pack", "--silent", "--pack-destination", folder], web);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await run(
    "npm",
    ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`, ...(await versions())],
    folder,
  );
  for (const [file, code] of Object.entries(await codeOfReadme())) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), code);
  }
  await writeFile(path.join(folder, "convex/schema.ts"), SCHEMA);
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
  await run(process.execPath, ["scripts/generate.mjs", "--app", path.join(folder, "convex")], web);
  return {
    functions: path.join(folder, "convex"),
    checkTypes: () => run("npx", ["tsc", "-p", "."], folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const SCHEMA = 'import { defineSchema } from "convex/server";\n\nexport default defineSchema({});\n';

/** Those of this folder, which npm has in its cache. */
async function versions(): Promise<string[]> {
  const { devDependencies } = JSON.parse(await readFile(path.join(web, "package.json"), "utf8"));
  return PACKAGES.map((name) => `${name}@${devDependencies[name]}`);
}

/** The blocks that name their file, and the page. */
async function codeOfReadme(): Promise<Record<string, string>> {
  const readme = await readFile(path.join(web, "README.md"), "utf8");
  const files: Record<string, string> = {};
  for (const [, language, code] of readme.matchAll(/^```(tsx?)\n([^]*?)^```$/gm)) {
    const [, name] = /^\/\/ (convex\/[\w.]+\.ts)/.exec(code!) ?? [];
    if (name) files[name] = code!;
    else if (language === "tsx")
      files["src/Recordings.tsx"] = code!.replace("function Recordings", "export function Recordings");
  }
  return files;
}
