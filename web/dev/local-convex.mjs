// @ts-check
/**
 * A Convex deployment for development and tests, on this machine, behind Convex's real interfaces:
 *
 *   url      the sync WebSocket, POST /api/{query,mutation,action}, /api/storage/…
 *   siteUrl  the HTTP actions of the app's http.ts
 *   /dev/…   on both: routes that no real deployment has (see `dev-routes.mjs`)
 *
 * Not for production: it holds everything in memory, verifies no token, and enforces no limits.
 */
import { fileURLToPath } from "node:url";
import { Backend } from "./backend.mjs";
import { CallLog } from "./call-log.mjs";
import { cloudRoutes } from "./cloud-routes.mjs";
import { startCrons } from "./crons.mjs";
import { devRoutes } from "./dev-routes.mjs";
import { Faults } from "./faults.mjs";
import { compile, watchFunctions } from "./functions.mjs";
import { listen, pathOf, serve } from "./http.mjs";
import { persist } from "./persistence.mjs";
import { siteRoutes } from "./site-routes.mjs";
import { SyncServer } from "./sync-server.mjs";

/** @typedef {(request: import("./http.mjs").Request, response: import("./http.mjs").Response) => Promise<void>} Handler */

/** The app whose functions run where no other is named. */
const EXAMPLE = fileURLToPath(new URL("../example/convex/", import.meta.url));

/**
 * @param {{ port?: number, sitePort?: number, host?: string, functions?: string, crons?: boolean, reload?: boolean, file?: string | null, log?: (...args: unknown[]) => void }} [options]
 * Port 0, the default, takes any free port. `functions` is an app's folder `convex/`. `file` holds rows and files beyond the end of the process.
 */
export async function startLocalConvex({
  port = 0,
  sitePort = 0,
  host = "127.0.0.1",
  functions: folder = EXAMPLE,
  crons = true,
  reload = false,
  file = null,
  log = console.error,
} = {}) {
  const functions = await compile(folder);
  const backend = new Backend(functions.units, () => url);
  if (file) await persist(backend, file);
  const faults = new Faults();
  const callLog = new CallLog();
  const sync = new SyncServer(backend, faults);
  const dropConnections = () => sync.dropConnections();
  const dev = devRoutes({ backend, faults, callLog, dropConnections });

  const cloudServer = serve(withDevRoutes(dev, faults, cloudRoutes(backend)), log);
  const siteServer = serve(withDevRoutes(dev, faults, siteRoutes(backend, faults, callLog)), log);
  sync.attach(cloudServer);
  const url = await listen(cloudServer, host, port);
  const siteUrl = await listen(siteServer, host, sitePort);
  const timers = crons ? await startCrons(backend, log) : [];
  const watcher = reload ? reloadOnChange(functions, backend, log) : null;

  async function close() {
    watcher?.close();
    timers.forEach(clearInterval);
    dropConnections();
    await Promise.all([cloudServer, siteServer].map(closeServer));
    backend.close();
    functions.remove();
  }
  return { url, siteUrl, backend, faults, dropConnections, close };
}

/** The development routes answer also while a fault keeps everybody else away.
 * @param {ReturnType<typeof devRoutes>} dev @param {Faults} faults @param {Handler} routes @returns {Handler} */
const withDevRoutes = (dev, faults, routes) => async (request, response) => {
  const path = pathOf(request);
  if (path.startsWith("/dev/")) return await dev(request, response, path);
  if (faults.isAway) return void request.socket.destroy();
  await routes(request, response);
};

/** @param {Awaited<ReturnType<typeof compile>>} functions @param {Backend} backend @param {(...args: unknown[]) => void} log */
const reloadOnChange = (functions, backend, log) =>
  watchFunctions(functions.folders, (file) => {
    functions.recompile().then(() => (backend.notify(), log(`Convex functions reloaded (${file}).`)), log);
  });

/** @param {import("node:http").Server} server */
function closeServer(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
