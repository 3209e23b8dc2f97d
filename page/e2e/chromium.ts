/** Gives the tests the folder of Chromium, which `web/` has unpacked or unpacks now. */
import "vitest";
import type { TestProject } from "vitest/node";
import { findOrUnpack } from "../../web/e2e/unpackedChromium";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the unpacked Chromium. */
    chromium: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<void> {
  provide("chromium", await findOrUnpack());
}
