import { defineConfig } from "vitest/config";

const inline = { deps: { inline: ["convex-test"] } };

export default defineConfig({
  test: {
    testTimeout: 20_000,
    projects: [
      // Convex's own runtime has no Node: what these import must not either.
      { test: { name: "convex", include: ["convex/**/*.test.ts"], environment: "edge-runtime", server: inline } },
      { test: { name: "dev", include: ["dev/**/*.test.ts"], environment: "node", server: inline } },
      { test: { name: "src", include: ["src/**/*.test.ts"], environment: "node", server: inline } },
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
