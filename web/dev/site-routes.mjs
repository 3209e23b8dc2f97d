// @ts-check
/** The HTTP actions of `convex/http.ts`, with the faults that a test has injected, and a log of the calls. */
import { pathOf, readBody, reply } from "./http.mjs";

/** @typedef {import("./backend.mjs").Backend} Backend */
/** @typedef {import("./http.mjs").Request} Request */

/** @param {Backend} backend @param {import("./faults.mjs").Faults} faults @param {import("./call-log.mjs").CallLog} callLog */
export function siteRoutes(backend, faults, callLog) {
  /** @param {Request} request @param {import("./http.mjs").Response} response */
  return async (request, response) => {
    const path = pathOf(request);
    const body = await readBody(request);
    const { status: fault = null, seconds = 1 } = faults.next() ?? {};
    if (fault === "drop" || typeof fault === "number") {
      callLog.add(path, body, fault, null);
      if (fault === "drop") return void request.socket.destroy();
      return reply(response, fault, { code: "InjectedFault", message: "A test injected this fault." });
    }
    if (fault === "slow") await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const answer = await backend.fetch(request.url ?? "/", toRequestInit(request, body));
    const content = Buffer.from(await answer.arrayBuffer());
    callLog.add(path, body, fault, { status: answer.status, body: content });
    if (fault === "drop_after_apply") return void request.socket.destroy();
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(content);
  };
}

/** @param {Request} request @param {Buffer} body */
function toRequestInit({ method = "GET", headers }, body) {
  const single = Object.entries(headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []));
  return { method, headers: Object.fromEntries(single), ...(body.length ? { body: /** @type {any} */ (body) } : {}) };
}
