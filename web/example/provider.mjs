// @ts-check
/**
 * A plain identity provider for development: it believes every name, and signs what it says, as `convex/auth.config.ts`
 * expects it. A real app has a real provider here.
 */
import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

const LIFETIME = 3600; // seconds
const AUDIENCE = "escriba-example";

/** @param {unknown} value */
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {{ port?: number }} [options] */
export async function startProvider({ port = 0 } = {}) {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }];

  /** @param {string} name */
  function sign(name) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: url, sub: name, name, aud: AUDIENCE, iat: now, exp: now + LIFETIME };
    const content = `${base64url({ alg: "RS256", typ: "JWT", kid: "1" })}.${base64url(claims)}`;
    return `${content}.${createSign("RSA-SHA256").update(content).sign(privateKey, "base64url")}`;
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const name = searchParams.get("name");
    const answer =
      pathname === "/.well-known/jwks.json" ? { keys } : pathname === "/token" && name ? { token: sign(name) } : null;
    response
      .writeHead(answer ? 200 : 404, { "content-type": "application/json", "access-control-allow-origin": "*" })
      .end(JSON.stringify(answer));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(null)));
  const url = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
  return { url, close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))) };
}
