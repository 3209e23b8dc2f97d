/** Two people who talk. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { python, ROOT } from "./environment";

/** An English and a Spanish reader, 24 seconds. */
export async function makeConversation(): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-conversation-"));
  const program =
    "import sys, pathlib; from tests.conversation import make_conversation as make; " +
    "print(make(pathlib.Path(sys.argv[1]), turns=2).path)";
  const { stdout } = await promisify(execFile)(python, ["-c", program, folder], { cwd: ROOT });
  const sound = await readFile(stdout.trim());
  await rm(folder, { recursive: true });
  return sound;
}
