// @ts-check
/**
 * The local Convex, the page of the example and its identity provider in one process, for development; both reload on changes. The API is another
 * process: ESCRIBA_API_URL says where it is. Start it with the CONVEX_SITE_URL and CONVEX_API_KEY that this prints.
 */
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { startProvider } from "../example/provider.mjs";
import { startLocalConvex } from "./local-convex.mjs";

process.env.ESCRIBA_API_KEY ||= process.env.CONVEX_API_KEY || "local-development-key";
process.env.ESCRIBA_API_URL ||= "http://127.0.0.1:8000";
process.env.ESCRIBA_ACCESS_KEY ||= process.env.ADMIN_KEY || ""; // with ADMIN_KEY the API asks for access keys

// The API still has its jobs after a restart, so their rows must be there too.
const file = fileURLToPath(new URL("../node_modules/.cache/escriba-rows.json", import.meta.url));
const convex = await startLocalConvex({ port: 3210, sitePort: 3211, reload: true, file });
const provider = await startProvider({ port: 3212 });
process.env.VITE_CONVEX_URL = convex.url;
process.env.VITE_SIGN_IN_URL = provider.url;
process.env.VITE_API_URL ||= process.env.ESCRIBA_API_URL;
const page = await createServer({ server: { host: "127.0.0.1", port: 5173 } });
await page.listen();

console.log(`
  page     ${page.resolvedUrls?.local[0]}
  API      ${process.env.ESCRIBA_API_URL}  (expected there, with CORS for the page)
  Convex   CONVEX_SITE_URL=${convex.siteUrl} CONVEX_API_KEY=${process.env.ESCRIBA_API_KEY}
`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(
    signal,
    () => void Promise.all([page.close(), convex.close(), provider.close()]).then(() => process.exit(0)),
  );
}
