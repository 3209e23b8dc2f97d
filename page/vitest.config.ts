/** The test projects: pure modules in Node, and the page in Chromium against the real server. */
import { defineConfig } from "vitest/config";

const inBrowser = {
  environment: "node" as const,
  globalSetup: "e2e/chromium.ts",
  testTimeout: 300_000,
  hookTimeout: 180_000,
};

export default defineConfig({
  test: {
    maxWorkers: 1,
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], environment: "node" } },
      { test: { name: "e2e", include: ["e2e/**/*.test.ts"], ...inBrowser } },
      { test: { name: "soak", include: ["e2e/soak/*.ts"], ...inBrowser, testTimeout: 1_200_000 } },
      { test: { name: "measure", include: ["e2e/measure/{longText,firstPaint,dashboard}.ts"], ...inBrowser } },
      { test: { name: "screenshots", include: ["e2e/screenshots.ts"], ...inBrowser } },
      { test: { name: "pictures", include: ["e2e/pictures.ts"], ...inBrowser } },
    ],
  },
});
