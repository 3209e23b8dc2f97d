// @ts-check
/** This package's own name, as its sources: for Vite, which finds no package in its own folder. */
import { fileURLToPath } from "node:url";

const source = (/** @type {string} */ path) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

export const OWN_PACKAGE = [
  { find: /^escriba$/, replacement: source("client/index.ts") },
  { find: /^escriba\/(react|browser)$/, replacement: source("$1/index.ts") },
  { find: /^escriba\/test$/, replacement: source("test.ts") },
  { find: /^escriba\/convex\.config$/, replacement: source("component/convex.config.ts") },
];
