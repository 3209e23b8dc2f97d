/** Pictures of the page in every state: both languages, both themes, phones and desktops, into `page/screenshots`. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { type Look, wear } from "./states/looks";
import { openAll } from "./states/servers";
import { walk, WAYS } from "./states/table";

const FOLDER = fileURLToPath(new URL("../screenshots", import.meta.url));

const looks: readonly Look[] = (["es", "en"] as const).flatMap((language) =>
  (["light", "dark"] as const).flatMap((colorScheme) =>
    [320, 390, 1280].map((width) => ({ language, colorScheme, width })),
  ),
);

/** A screen of 4K, once a state: its pictures are large. */
const WIDEST: Look = { language: "es", colorScheme: "light", width: 3840 };

let all: Awaited<ReturnType<typeof openAll>>;

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  all = await openAll();
});

afterAll(() => all.close());

async function shoot(page: Page, name: string): Promise<void> {
  for (const look of [...looks, WIDEST]) {
    await wear(page, look);
    const { language, colorScheme, width } = look;
    await page.screenshot({
      path: `${FOLDER}/${name}.${language}.${colorScheme}.${width}.png`,
      fullPage: width < 3840,
      animations: "disabled",
    });
  }
}

test.each(WAYS)(
  "$name",
  async (way) => walk(way, { ...all, options: { viewport: { width: 390, height: 844 }, hasTouch: true } }, shoot),
  900_000,
);
