/**
 * Unpacks Chromium before the tests, once for all of them and for later runs. The folder appears only when it is
 * complete: a Chromium that several workers unpack at once, or that a killed run left incomplete, does not start.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const web = fileURLToPath(new URL("../", import.meta.url));

/** The folder of the unpacked Chromium. */
export async function findOrUnpack(): Promise<string> {
  const manifest = await readFile(path.join(web, "node_modules/@sparticuz/chromium/package.json"), "utf8");
  const folder = path.join(web, "node_modules/.cache", `chromium-${JSON.parse(manifest).version}`);
  if (existsSync(folder)) return folder;
  const temporary = `${folder}.${process.pid}`;
  await mkdir(temporary, { recursive: true });
  await unpackTo(temporary);
  const fonts = path.join(temporary, "fonts/fonts.conf");
  await writeFile(fonts, (await readFile(fonts, "utf8")).replaceAll("/tmp/", `${folder}/`));
  // Another run may have unpacked it meanwhile.
  await rename(temporary, folder).catch(() => rm(temporary, { recursive: true }));
  return folder;
}

/** The package unpacks to TMPDIR; it unpacks the libraries that a bare system lacks only where it finds AWS Lambda. */
async function unpackTo(folder: string): Promise<void> {
  const script = 'import packed from "@sparticuz/chromium"; await packed.executablePath();';
  const env = { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" };
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: web, env });
}

/** The options that launch Chromium from that folder. */
export const launchOptions = (folder: string) => ({
  executablePath: path.join(folder, "chromium"),
  env: {
    ...(process.env as Record<string, string>),
    FONTCONFIG_PATH: path.join(folder, "fonts"),
    LD_LIBRARY_PATH: [path.join(folder, "al2023/lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
  },
});
