/** The server's code with a newer page, as a build of changed sources has it. */
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { ROOT } from "./environment";

const VERSION = /[0-9a-f]{12}/;
export const NEWER = "0123456789ab";

/** Makes it in a folder that does not exist yet: only the service worker is another. */
export async function makeNewerServer(root: string): Promise<string> {
  for (const name of ["common", "functions", "local_server.py"])
    await cp(path.join(ROOT, name), path.join(root, name), { recursive: true });
  const file = path.join(root, "common/http/page_files/sw.js");
  const worker = gunzipSync(await readFile(`${file}.gz`)).toString();
  if (!VERSION.test(worker)) throw new Error("The service worker has no version.");
  const newer = Buffer.from(worker.replace(VERSION, NEWER));
  await writeFile(`${file}.gz`, gzipSync(newer));
  await writeFile(`${file}.br`, brotliCompressSync(newer));
  return root;
}
