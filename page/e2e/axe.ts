/** What axe finds wrong in the page as it is, in light and in dark: rule and element, one a line. */
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";

const source = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Results = { violations: Array<{ id: string; nodes: Array<{ html: string; any: Array<{ message: string }> }> }> };
type Theme = "light" | "dark";

/** A theme changes colours and nothing else: in the second one only the rules of colours can find anything. */
const RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"];

export async function findProblems(page: Page, first: Theme = "dark"): Promise<string[]> {
  const second = first === "dark" ? "light" : "dark";
  return [...(await findIn(page, first)), ...(await findIn(page, second, { runOnly: RULES_OF_COLOURS }))];
}

/** What colours have no part in: those rules take most of the time. */
export const findBesideColours = (page: Page, theme: Theme): Promise<string[]> =>
  findIn(page, theme, { rules: Object.fromEntries(RULES_OF_COLOURS.map((rule) => [rule, { enabled: false }])) });

/** In one theme alone. */
async function findIn(page: Page, colorScheme: Theme, rules: object = {}): Promise<string[]> {
  // Evaluated, not inserted: the page's policy lets no script in.
  if (await page.evaluate(() => !("axe" in globalThis))) await page.evaluate(`${await source};0`);
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  const options = JSON.stringify({ resultTypes: ["violations"], ...rules });
  const { violations } = await page.evaluate<Results>(`axe.run(document, ${options})`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => `${colorScheme} ${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`),
  );
}
