// @ts-check
/** The files of a folder of Convex functions that Convex would deploy. */
import { readdirSync } from "node:fs";
import path from "node:path";

/** No declarations, and no file with a second dot in its name. @param {string} folder */
export const findModules = (folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /^[^.]+\.[tj]s$/.test(path.basename(file)))
    .sort();
