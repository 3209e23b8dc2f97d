import { defineConfig } from "vitest/config";

const common = { testTimeout: 20_000, server: { deps: { inline: ["convex-test"] } } };

export default defineConfig({
  test: {
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
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
