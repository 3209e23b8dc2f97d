// @ts-check
/**
 * A Convex deployment for development and tests, on this machine, behind Convex's real interfaces:
 *
 *   url      the sync WebSocket, POST /api/{query,mutation,action}, /api/storage/…
 *   siteUrl  the HTTP actions of convex/http.ts
 *   /dev/…   on both: what no real deployment has (see `controls.mjs`)
 *
 * Not for production: it holds everything in memory, believes every token, and knows no limits.
 */
import { watch } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { Backend } from "./backend.mjs";
import { Calls } from "./call-log.mjs";
import { controls } from "./dev-routes.mjs";
import { Faults } from "./faults.mjs";
import { compile } from "./functions.mjs";
import { body, pathOf, reply } from "./http.mjs";
import { keepIn } from "./persistence.mjs";
import { SyncSession, readUnverified } from "./sync.mjs";
import { encode, encodeTime, failure, withField } from "./wire.mjs";

/** @typedef {import("./http.mjs").Request} Request */
/** @typedef {import("./http.mjs").Response} Response */

const FUNCTIONS = fileURLToPath(new URL("../convex/", import.meta.url));

/**
 * @param {{ port?: number, sitePort?: number, host?: string, crons?: boolean, reload?: boolean, keep?: string | null, log?: (...args: unknown[]) => void }} [options]
 * Port 0, the default, takes any that is free. `keep` names a file that outlasts the process.
 */
export async function startLocalConvex({
  port = 0,
  sitePort = 0,
  host = "127.0.0.1",
  crons = true,
  reload = false,
  keep = null,
  log = console.error,
} = {}) {
  const functions = await compile(FUNCTIONS);
  const { default: schema } = await /** @type {any} */ (functions.modules["./schema.ts"])();
  const backend = new Backend(functions.modules, schema, () => url);
  if (keep) await keepIn(backend, keep);
  const faults = new Faults();
  const calls = new Calls();
  /** @type {Set<SyncSession>} */ const sessions = new Set();
  const dev = controls({ backend, faults, calls, dropConnections });

  const cloudServer = createServer(handled(cloud));
  const siteServer = createServer(handled(site));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 });
  cloudServer.on("upgrade", (request, socket, head) => {
    const route = /^\/api(\/[^/]+)?\/sync$/.exec(pathOf(request));
    if (faults.away || !route) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const takesChunks = route[1] !== undefined; // clients that name their version
      const session = new SyncSession(backend, ws, takesChunks);
      sessions.add(session);
      ws.on("close", () => sessions.delete(session));
    });
  });
  const url = await listen(cloudServer, port);
  const siteUrl = await listen(siteServer, sitePort);
  const timers = crons ? await startCrons() : [];
  const watcher = reload ? watchFunctions() : null;

  return {
    url,
    siteUrl,
    backend,
    faults,
    dropConnections,
    async close() {
      watcher?.close();
      timers.forEach(clearInterval);
      dropConnections();
      for (const server of [cloudServer, siteServer]) {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
      backend.close();
      functions.remove();
    },
  };

  /** @param {Request} request @param {Response} response */
  async function cloud(request, response) {
    const path = pathOf(request);
    if (path.startsWith("/dev/")) return await dev(request, response, path);
    if (faults.away) return void request.socket.destroy();
    if (request.method === "OPTIONS") return reply(response, 204, "");
    if (path === "/version") return reply(response, 200, "local");
    if (path === "/api/query_ts") return reply(response, 200, { ts: encodeTime(backend.now()) });
    if (path === "/api/storage/upload") return await upload(request, response);
    if (path.startsWith("/api/storage/")) return await download(response, decodeURIComponent(path.slice(13)));
    const kind = /** @type {any} */ ({
      "/api/query": "query",
      "/api/query_at_ts": "query",
      "/api/mutation": "mutation",
      "/api/action": "action",
    })[path];
    if (!kind) return reply(response, 404, { code: "NotFound", message: `There is no ${path}.` });
    const { path: udfPath, args } = JSON.parse((await body(request)).toString());
    const [, token] = (request.headers.authorization ?? "").split(" ");
    try {
      const value = await backend.run(kind, udfPath, args, token ? readUnverified(token) : null);
      reply(response, 200, withField({ status: "success", logLines: [] }, "value", encode(value)));
    } catch (error) {
      reply(response, 200, { status: "error", logLines: [], ...failure(error) });
    }
  }

  /** @param {Request} request @param {Response} response */
  async function site(request, response) {
    const path = pathOf(request);
    if (path.startsWith("/dev/")) return await dev(request, response, path);
    if (faults.away) return void request.socket.destroy();
    const content = await body(request);
    const fault = faults.draw();
    const befell = fault && fault.status;
    if (befell === "slow") await new Promise((over) => setTimeout(over, (fault?.seconds ?? 1) * 1000));
    else if (befell === "drop" || typeof befell === "number") {
      calls.add(path, content, befell, null);
      if (befell === "drop") return void request.socket.destroy();
      return reply(response, befell, { code: "InjectedFault", message: "As was asked for." });
    }
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value]] : [],
    );
    const init = {
      method: request.method ?? "GET",
      headers: Object.fromEntries(headers),
      ...(content.length ? { body: content } : {}),
    };
    const answer = await backend.fetch(request.url ?? "/", init);
    const told = Buffer.from(await answer.arrayBuffer());
    calls.add(path, content, befell, { status: answer.status, body: told });
    if (befell === "drop_after_apply") return void request.socket.destroy();
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(told);
  }

  /** @param {Request} request @param {Response} response */
  async function upload(request, response) {
    const type = request.headers["content-type"] ?? "application/octet-stream";
    reply(response, 200, { storageId: await backend.store(new Blob([await body(request)], { type })) });
  }

  /** @param {Response} response @param {string} id */
  async function download(response, id) {
    const file = await backend.file(id);
    if (!file) return reply(response, 404, { code: "FileNotFound" });
    reply(response, 200, Buffer.from(await file.arrayBuffer()), file.type);
  }

  function dropConnections() {
    for (const session of sessions) session.drop();
  }

  /** convex-test has no crons; of Convex's kinds only intervals are used here. */
  async function startCrons() {
    const crons = (await functions.modules["./crons.ts"]?.())?.default.export();
    return Object.values(JSON.parse(crons ?? "{}")).map((/** @type {any} */ { name, args: [args], schedule }) => {
      if (schedule.type !== "interval")
        throw new Error(`The local Convex runs interval crons only, not ${schedule.type}.`);
      const seconds =
        Number(schedule.seconds ?? 0) + 60 * Number(schedule.minutes ?? 0) + 3600 * Number(schedule.hours ?? 0);
      return setInterval(() => void backend.runInternal(name, args).catch(log), seconds * 1000).unref();
    });
  }

  function watchFunctions() {
    /** @type {NodeJS.Timeout} */ let soon;
    return watch(FUNCTIONS, { recursive: true }, (_, file) => {
      if (!/\.ts$/.test(String(file))) return;
      clearTimeout(soon);
      soon = setTimeout(
        () =>
          void functions.recompile().then(() => (backend.changed(), log(`Convex functions reloaded (${file}).`)), log),
        50,
      );
    });
  }

  /** @param {import("node:http").Server} server @param {number} port @returns {Promise<string>} */
  function listen(server, port) {
    return new Promise((ready, failed) => {
      server
        .once("error", failed)
        .listen(port, host, () => ready(`http://${host}:${/** @type {any} */ (server.address()).port}`));
    });
  }

  /** @param {(request: Request, response: Response) => Promise<void>} handle */
  function handled(handle) {
    return (/** @type {Request} */ request, /** @type {Response} */ response) => {
      handle(request, response).catch((error) => {
        log(error);
        if (response.headersSent) response.destroy();
        else reply(response, 500, { code: "InternalServerError", message: String(error) });
      });
    };
  }
}
