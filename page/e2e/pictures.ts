/** The three pictures of the README, into `docs/images`. */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { type Look, wear } from "./states/looks";
import { openAll } from "./states/servers";
import { walk, WAYS } from "./states/table";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));

const PICTURES: Record<string, { file: string; look: Look }> = {
  hearing: { file: "page-list.png", look: { language: "en", colorScheme: "light", width: 1100 } },
  playing: { file: "page-text.png", look: { language: "en", colorScheme: "light", width: 1100 } },
  correcting: { file: "page-phone.png", look: { language: "en", colorScheme: "dark", width: 360 } },
};

/** Each way up to the last state that has a picture. */
const ways = WAYS.map((way) => {
  const last = way.states.findLastIndex(({ name }) => name in PICTURES);
  return { ...way, states: way.states.slice(0, last + 1) };
}).filter(({ states }) => states.length > 0);

let all: Awaited<ReturnType<typeof openAll>>;

beforeAll(async () => {
  all = await openAll();
});

afterAll(() => all.close());

async function shoot(page: Page, name: string): Promise<void> {
  const picture = PICTURES[name];
  if (!picture) return;
  await wear(page, picture.look);
  await page.screenshot({ path: `${FOLDER}/${picture.file}`, animations: "disabled" });
}

test.each(ways)("$name", (way) => walk(way, { ...all, options: { viewport: { width: 1100, height: 760 } } }, shoot));
