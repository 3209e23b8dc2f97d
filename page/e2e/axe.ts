/** What axe finds wrong in the page as it is, in light and in dark: rule and element, one a line. */
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";

const source = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Results = { violations: Array<{ id: string; nodes: Array<{ html: string; any: Array<{ message: string }> }> }> };

export async function findProblems(page: Page): Promise<string[]> {
  // Evaluated, not inserted: the page's policy lets no script in.
  await page.evaluate(`${await source};0`);
  const found: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await page.evaluate<Results>("axe.run(document, { resultTypes: ['violations'] })");
    for (const { id, nodes } of violations)
      for (const { html, any } of nodes)
        found.push(`${colorScheme} ${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`);
  }
  return found;
}
