/** Gives the tests the folder of Chromium. */
import type { TestProject } from "vitest/node";
import { findOrUnpack } from "./unpackedChromium";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the unpacked Chromium. */
    chromium: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<void> {
  provide("chromium", await findOrUnpack());
}
