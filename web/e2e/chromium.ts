/**
 * Unpacks Chromium before any test needs it, once for all of them and for later runs. It appears whole or
 * not at all: what several workers unpack at once, or a killed run left half, does not start.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder that holds it. */
    chromium: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<void> {
  provide("chromium", await unpacked());
}

const web = fileURLToPath(new URL("../", import.meta.url));

async function unpacked(): Promise<string> {
  const about = await readFile(path.join(web, "node_modules/@sparticuz/chromium/package.json"), "utf8");
  const whole = path.join(web, "node_modules/.cache", `chromium-${JSON.parse(about).version}`);
  if (existsSync(whole)) return whole;
  const half = `${whole}.${process.pid}`;
  await mkdir(half, { recursive: true });
  await unpackTo(half);
  const fonts = path.join(half, "fonts/fonts.conf");
  await writeFile(fonts, (await readFile(fonts, "utf8")).replaceAll("/tmp/", `${whole}/`));
  // Another run may have been faster.
  await rename(half, whole).catch(() => rm(half, { recursive: true }));
  return whole;
}

/** The package unpacks to the temporary folder; the libraries that a bare system lacks only where it believes to be at AWS. */
async function unpackTo(folder: string): Promise<void> {
  const script = 'import packed from "@sparticuz/chromium"; await packed.executablePath();';
  const env = { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" };
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: web, env });
}

/** Where and how it starts from that folder. */
export const inFolder = (folder: string) => ({
  executablePath: path.join(folder, "chromium"),
  env: {
    ...(process.env as Record<string, string>),
    FONTCONFIG_PATH: path.join(folder, "fonts"),
    LD_LIBRARY_PATH: [path.join(folder, "al2023/lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
  },
});
