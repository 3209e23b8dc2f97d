// @ts-check
/**
 * The local Convex as a process:
 *
 *   ESCRIBA_API_KEY=… node dev/server.mjs [--port 3210] [--site-port 3211] [--host 127.0.0.1] [--no-crons] [--reload] [--keep FILE]
 *
 * Prints {"url", "siteUrl"} on one line when it is ready. With --keep, FILE holds the rows and files after the end of
 * the process. The deployment's other variable, ESCRIBA_API_URL, comes from the environment too.
 */
import { parseArgs } from "node:util";
import { startLocalConvex } from "./local-convex.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "3210" },
    "site-port": { type: "string", default: "3211" },
    host: { type: "string", default: "127.0.0.1" },
    "no-crons": { type: "boolean", default: false },
    reload: { type: "boolean", default: false },
    keep: { type: "string" },
  },
});

const convex = await startLocalConvex({
  port: Number(values.port),
  sitePort: Number(values["site-port"]),
  host: values.host,
  crons: !values["no-crons"],
  reload: values.reload,
  file: values.keep ?? null,
});
console.log(JSON.stringify({ url: convex.url, siteUrl: convex.siteUrl }));

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void convex.close().then(() => process.exit(0)));
