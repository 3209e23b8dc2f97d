// @ts-check
/**
 * No module over 250 lines, no function over 40: what a reader keeps in mind. Tests and generated files aside.
 * `node check-lengths.mjs FOLDER…`, for the folders that are looked through.
 */
import { readFileSync, readdirSync } from "node:fs";
import ts from "typescript";

const LONGEST_MODULE = 250;
const LONGEST_FUNCTION = 40;

const paths = process.argv.slice(2).flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((path) => /\.(ts|tsx|mjs)$/.test(path) && !/_generated|\.test\.|\.d\.ts$/.test(path)),
);

function* tooLong(/** @type {string} */ path) {
  const text = readFileSync(path, "utf8");
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (/** @type {number} */ position) => file.getLineAndCharacterOfPosition(position).line + 1;
  const lines = text.trimEnd().split("\n").length;
  if (lines > LONGEST_MODULE) yield `${path}: ${lines} lines`;
  /** @type {ts.Node[]} */
  const pending = [file];
  while (pending.length) {
    const node = /** @type {ts.Node} */ (pending.pop());
    node.forEachChild((child) => void pending.push(child));
    const body = ts.isFunctionLike(node) && "body" in node ? node.body : undefined;
    if (!body) continue;
    const length = lineOf(body.end) - lineOf(body.getStart(file)) - 1;
    if (length > LONGEST_FUNCTION) yield `${path}:${lineOf(node.getStart(file))}: a function of ${length} lines`;
  }
}

const found = paths.flatMap((path) => [...tooLong(path)]);
for (const one of found) console.error(one);
process.exitCode = found.length ? 1 : 0;
