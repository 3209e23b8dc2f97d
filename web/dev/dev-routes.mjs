// @ts-check
/**
 * What no real deployment has, for tests and whoever develops:
 *
 *   GET    /dev/table/{name}                  the rows of a table, as they are
 *   POST   /dev/run {"path", "args"}          any function, internal ones too, as `npx convex run`
 *   POST   /dev/faults {"status", …}          see faults.mjs; GET lists them and counts, DELETE clears
 *   GET    /dev/calls                         what came to the HTTP actions, and what they answered
 *   POST   /dev/reset                         no rows, no files, no faults, no calls
 *
 * Not for pages: any site that a developer visits could read and wipe what is here.
 */
import { convexToJson } from "convex/values";
import { body, reply } from "./http.mjs";
import { encode, withField } from "./wire.mjs";

/** @typedef {{ backend: import("./backend.mjs").Backend, faults: import("./faults.mjs").Faults, calls: import("./call-log.mjs").Calls, dropConnections: () => void }} Controlled */

/** @param {Controlled} controlled */
export function controls({ backend, faults, calls, dropConnections }) {
  /** @param {import("./http.mjs").Request} request @param {import("./http.mjs").Response} response @param {string} path */
  return async (request, response, path) => {
    if (request.headers.origin !== undefined) return reply(response, 403, { message: "Not for a page." });
    const route = `${request.method} ${path}`;
    try {
      if (route.startsWith("GET /dev/table/"))
        return reply(response, 200, JSON.stringify(convexToJson(await backend.table(path.slice(11)))));
      if (route === "GET /dev/faults") return reply(response, 200, faults.report());
      if (route === "DELETE /dev/faults") return reply(response, 200, (faults.clear(), faults.report()));
      if (route === "GET /dev/calls") return reply(response, 200, calls.list());
      if (route === "POST /dev/reset")
        return reply(response, 200, (faults.clear(), calls.clear(), await backend.clear(), {}));
      const given = JSON.parse((await body(request)).toString() || "{}");
      if (route === "POST /dev/run")
        return reply(response, 200, withField({}, "value", encode(await backend.runInternal(given.path, given.args))));
      if (route !== "POST /dev/faults") return reply(response, 404, { message: `There is no ${route}.` });
      faults.add(given);
      if (given.status === "away") dropConnections();
      reply(response, 200, faults.report());
    } catch (error) {
      reply(response, 400, { message: String(error) });
    }
  };
}
