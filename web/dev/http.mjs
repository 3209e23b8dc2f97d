// @ts-check
/** Requests and answers, as all servers of the local Convex read and write them. */

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
export async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/** @param {Response} response @param {number} status @param {object | string | Buffer} content @param {string} [type] */
export function reply(response, status, content, type = "application/json") {
  const bytes = typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  response.writeHead(status, { ...CORS, "content-type": type }).end(bytes);
}
