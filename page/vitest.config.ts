/** The test projects: pure modules in Node, and the page in Chromium against the real server. */
import { defineConfig } from "vitest/config";
import { LONGEST_TEST, LONGEST_WAIT } from "./e2e/timeouts.ts";

const inBrowser = {
  environment: "node" as const,
  isolate: false, // the files that one worker runs share a browser
  globalSetup: "e2e/chromium.ts",
  testTimeout: LONGEST_TEST,
  hookTimeout: LONGEST_TEST,
  expect: { poll: { timeout: LONGEST_WAIT, interval: 100 } },
};

export default defineConfig({
  test: {
    maxWorkers: 2, // a file waits for half of its time
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
