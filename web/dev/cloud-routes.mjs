// @ts-check
/** The HTTP API of a deployment: queries, mutations and actions, and the file storage. */
import { pathOf, readBody, reply } from "./http.mjs";
import { readUnverifiedToken } from "./token.mjs";
import { encode, encodeTime, failure, withField } from "./wire.mjs";

/** @typedef {import("./backend.mjs").Backend} Backend */
/** @typedef {import("./http.mjs").Request} Request */
/** @typedef {import("./http.mjs").Response} Response */

/** @type {Record<string, import("./backend.mjs").Kind>} */
const KINDS = {
  "/api/query": "query",
  "/api/query_at_ts": "query",
  "/api/mutation": "mutation",
  "/api/action": "action",
};

/** @param {Backend} backend */
export function cloudRoutes(backend) {
  /** @param {Request} request @param {Response} response */
  return async (request, response) => {
    const path = pathOf(request);
    const kind = KINDS[path];
    if (request.method === "OPTIONS") return reply(response, 204, "");
    if (path === "/version") return reply(response, 200, "local");
    if (path === "/api/query_ts") return reply(response, 200, { ts: encodeTime(backend.now()) });
    if (path === "/api/storage/upload") return await upload(backend, request, response);
    if (path.startsWith("/api/storage/")) return await download(backend, response, decodeURIComponent(path.slice(13)));
    if (kind) return await run(backend, kind, request, response);
    reply(response, 404, { code: "NotFound", message: `There is no ${path}.` });
  };
}

/** @param {Backend} backend @param {import("./backend.mjs").Kind} kind @param {Request} request @param {Response} response */
async function run(backend, kind, request, response) {
  const { path, args } = JSON.parse((await readBody(request)).toString());
  const [, token] = (request.headers.authorization ?? "").split(" ");
  try {
    const value = await backend.run(kind, path, args, token ? readUnverifiedToken(token) : null);
    reply(response, 200, withField({ status: "success", logLines: [] }, "value", encode(value)));
  } catch (error) {
    reply(response, 200, { status: "error", logLines: [], ...failure(error) });
  }
}

/** @param {Backend} backend @param {Request} request @param {Response} response */
async function upload(backend, request, response) {
  const type = request.headers["content-type"] ?? "application/octet-stream";
  reply(response, 200, { storageId: await backend.store(new Blob([await readBody(request)], { type })) });
}

/** @param {Backend} backend @param {Response} response @param {string} id */
async function download(backend, response, id) {
  const file = await backend.file(id);
  if (!file) return reply(response, 404, { code: "FileNotFound" });
  reply(response, 200, Buffer.from(await file.arrayBuffer()), file.type);
}
