/** The test projects: Convex functions, the local Convex, the library, and the page in Chromium. */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { OWN_PACKAGE } from "./dev/source.mjs";

const common = { testTimeout: 120_000, hookTimeout: 120_000, server: { deps: { inline: ["convex-test"] } } };

const resolve = { alias: OWN_PACKAGE };
const CONVEX = ["component", "client", "job"].map((folder) => `src/${folder}/**/*.test.ts`);
const PAGE = ["browser", "react"].map((folder) => `src/${folder}/**/*.test.{ts,tsx}`);

/** The test of an idle page waits for 20 seconds and needs no processor: it starts first, and the others run meanwhile. */
class IdleFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isIdle = ({ moduleId }: TestSpecification) => moduleId.includes("e2e/idle");
    const sorted = await super.sort(files);
    return [...sorted.filter(isIdle), ...sorted.filter((file) => !isIdle(file))];
  }
}

export default defineConfig({
  test: {
    maxWorkers: 3, // one of them runs the idle page
    sequence: { sequencer: IdleFirst },
    projects: [
      // Convex's own runtime has no Node APIs, so these modules and all that they import may use none.
      { resolve, test: { ...common, name: "convex", include: CONVEX, environment: "edge-runtime" } },
      { resolve, test: { ...common, name: "dev", include: ["dev/**/*.test.ts"], environment: "node" } },
      { resolve, test: { ...common, name: "page", include: PAGE, environment: "node" } },
      {
        resolve,
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          environment: "node",
          globalSetup: "e2e/chromium.ts",
          // Pages are built and servers started, perhaps on a busy machine.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          expect: { poll: { timeout: 120_000, interval: 50 } },
        },
      },
    ],
  },
});
