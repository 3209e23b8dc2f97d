// @ts-check
/** Requests and responses of the local Convex's servers. */
import { createServer } from "node:http";

/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "*",
  "access-control-max-age": "86400",
};

/** @param {Request} request */
export const pathOf = (request) => new URL(request.url ?? "/", "http://local").pathname;

/** @param {Request} request */
export async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/** @param {Response} response @param {number} status @param {object | string | Buffer} content @param {string} [type] */
export function reply(response, status, content, type = "application/json") {
  const bytes = typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  response.writeHead(status, { ...CORS, "content-type": type }).end(bytes);
}

/** A server that answers 500 where `handle` throws.
 * @param {(request: Request, response: Response) => Promise<void>} handle @param {(error: unknown) => void} log */
export function serve(handle, log) {
  return createServer((request, response) => {
    handle(request, response).catch((error) => {
      log(error);
      if (response.headersSent) response.destroy();
      else reply(response, 500, { code: "InternalServerError", message: String(error) });
    });
  });
}

/** @param {import("node:http").Server} server @param {string} host @param {number} port @returns {Promise<string>} */
export function listen(server, host, port) {
  return new Promise((resolve, reject) => {
    server
      .once("error", reject)
      .listen(port, host, () => resolve(`http://${host}:${/** @type {any} */ (server.address()).port}`));
  });
}
