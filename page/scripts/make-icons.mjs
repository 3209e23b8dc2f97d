// @ts-check
/** Draws the icons that phones want as PNG from `src/icon.svg`, in Chromium: to be run when that one changes. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import UPNG from "upng-js";

const here = (/** @type {string} */ name) => fileURLToPath(new URL(`../src/${name}`, import.meta.url));

const svg = readFileSync(here("icon.svg"), "utf8");

/** A phone cuts the large one to its own shape, so it has no corners of its own: https://www.w3.org/TR/appmanifest/#icon-masks */
const icons = [
  { name: "iconSmall.png", size: 192, source: svg },
  { name: "iconLarge.png", size: 512, source: svg.replace('rx="5"', 'rx="0"') },
];

/** Two colours and the steps between them: with a palette the file is a third as long. */
function shrink(/** @type {Buffer} */ png) {
  const image = UPNG.decode(new Uint8Array(png).buffer);
  return Buffer.from(UPNG.encode(UPNG.toRGBA8(image).slice(0, 1), image.width, image.height, 16));
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
for (const { name, size, source } of icons) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${source}`);
  writeFileSync(here(`icons/${name}`), shrink(await page.screenshot({ omitBackground: true })));
}
await browser.close();
