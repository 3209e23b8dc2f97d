/** Gives the tests the folder of Chromium, and that of the page that most of them open. */
import type { TestProject } from "vitest/node";
import { buildPage } from "./builtPage";
import { findOrUnpack } from "./unpackedChromium";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the unpacked Chromium. */
    chromium: string;
    /** The folder of the built page: with Convex and the newer React. */
    page: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const [chromium, page] = await Promise.all([findOrUnpack(), buildPage()]);
  provide("chromium", chromium);
  provide("page", page.folder);
  return page.remove;
}
