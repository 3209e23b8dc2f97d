// @ts-check
/** Identity tokens (JWT), without their signatures. */

/**
 * The identity that a token claims. The signature is NOT verified: this server is for development only.
 * @param {string} token
 * @returns {import("./backend.mjs").Identity}
 */
export function readUnverifiedToken(token) {
  const { sub, iss, name, email } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return { subject: sub, issuer: iss, ...(name ? { name } : {}), ...(email ? { email } : {}) };
}
