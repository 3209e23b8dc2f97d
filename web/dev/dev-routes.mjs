// @ts-check
/**
 * Routes that no real deployment has, for tests and for developers:
 *
 *   GET    /dev/table/{name}                  the rows of a table
 *   POST   /dev/run {"path", "args"}          runs any function, also an internal one, as `npx convex run`
 *   POST   /dev/faults {"status", …}          see faults.mjs; GET lists them and counts, DELETE clears
 *   GET    /dev/calls                         the calls of the HTTP actions, and their answers
 *   POST   /dev/reset                         deletes all rows, files, faults and calls
 *
 * A request from a page is 403: otherwise any site that a developer visits could read and delete the rows.
 */
import { convexToJson } from "convex/values";
import { readBody, reply } from "./http.mjs";
import { encode, withField } from "./wire.mjs";

/** @typedef {{ backend: import("./backend.mjs").Backend, faults: import("./faults.mjs").Faults, callLog: import("./call-log.mjs").CallLog, dropConnections: () => void }} Deployment */

/** @param {Deployment} deployment */
export function devRoutes({ backend, faults, callLog, dropConnections }) {
  /** @type {Record<string, (body: any) => unknown>} */
  const routes = {
    "GET /dev/faults": () => faults.report(),
    "DELETE /dev/faults": () => (faults.clear(), faults.report()),
    "POST /dev/faults": (fault) => {
      faults.add(fault);
      if (fault.status === "away") dropConnections();
      return faults.report();
    },
    "GET /dev/calls": () => callLog.list(),
    "POST /dev/reset": async () => (faults.clear(), callLog.clear(), await backend.clear(), {}),
    "POST /dev/run": async ({ path, args }) => withField({}, "value", encode(await backend.runInternal(path, args))),
  };
  /** @param {string} route @param {any} body */
  const answer = async (route, body) => {
    const [, table] = /^GET \/dev\/table\/(.*)$/.exec(route) ?? [];
    if (table !== undefined) return JSON.stringify(convexToJson(await backend.table(table)));
    return await routes[route]?.(body);
  };

  /** @param {import("./http.mjs").Request} request @param {import("./http.mjs").Response} response @param {string} path */
  return async (request, response, path) => {
    if (request.headers.origin !== undefined) return reply(response, 403, { message: "Not for a page." });
    try {
      const body = JSON.parse((await readBody(request)).toString() || "{}");
      const content = await answer(`${request.method} ${path}`, body);
      if (content === undefined) return reply(response, 404, { message: `There is no ${request.method} ${path}.` });
      reply(response, 200, /** @type {string | object} */ (content));
    } catch (error) {
      reply(response, 400, { message: String(error) });
    }
  };
}
