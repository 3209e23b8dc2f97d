import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const common = { testTimeout: 60_000, hookTimeout: 60_000, server: { deps: { inline: ["convex-test"] } } };

/** A minute in which nothing must happen leaves room for everything else, if it begins first. */
class QuietFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isQuiet = ({ moduleId }: TestSpecification) => moduleId.includes("quiet");
    const sorted = await super.sort(files);
    return [...sorted.filter(isQuiet), ...sorted.filter((file) => !isQuiet(file))];
  }
}

export default defineConfig({
  test: {
    maxWorkers: 3, // one of them is quiet
    sequence: { sequencer: QuietFirst },
    projects: [
      // Convex's own runtime has no Node: what these import must not either.
      { test: { ...common, name: "convex", include: ["convex/**/*.test.ts"], environment: "edge-runtime" } },
      { test: { ...common, name: "dev", include: ["dev/**/*.test.ts"], environment: "node" } },
      { test: { ...common, name: "src", include: ["src/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          environment: "node",
          globalSetup: "e2e/chromium.ts",
          testTimeout: 90_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
