/** Builds the example's page, with names in the place of addresses, which each test's servers give: a build takes long. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Until it is served; `VITE_CONVEX_URL` becomes one of them. */
export const PLACEHOLDERS = {
  VITE_SIGN_IN_URL: "http://sign-in.invalid",
  VITE_API_URL: "http://api.invalid",
  VITE_CONVEX_URL: "http://convex.invalid",
};

export type Addresses = Record<keyof typeof PLACEHOLDERS, string>;

/** The page with those addresses that there are; `text` is one of its files. */
export const withAddresses = (text: string, addresses: Addresses): string =>
  Object.entries(PLACEHOLDERS).reduce(
    (filled, [name, placeholder]) => filled.replaceAll(placeholder, addresses[name as keyof Addresses]),
    text,
  );

export type BuiltPage = { folder: string; remove(): Promise<void> };

/** Of an app without Convex and sign-in where `withConvex` is false. */
export async function buildPage({ react = 19, withConvex = true } = {}): Promise<BuiltPage> {
  const folder = await mkdtemp(path.join(tmpdir(), "escriba-page-"));
  const none = { VITE_SIGN_IN_URL: "", VITE_CONVEX_URL: "" };
  Object.assign(process.env, PLACEHOLDERS, withConvex ? {} : none, { REACT: String(react) });
  const mode = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({
    configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)),
    logLevel: "error",
    build: { outDir: folder },
  });
  process.env.NODE_ENV = mode;
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
