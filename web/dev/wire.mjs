// @ts-check
/** Values in the wire format of Convex's protocol, which JSON.stringify alone does not write. */
import { convexToJson } from "convex/values";

/**
 * A Convex value as JSON text. Whole floats are written with ".0", as the real server does: the Python client refuses a
 * bare integer.
 * @param {import("convex/values").Value | undefined} value
 */
export const encode = (value) => stringify(convexToJson(value === undefined ? null : value));

/** @param {unknown} json @returns {string} */
function stringify(json) {
  if (typeof json === "number") return Number.isInteger(json) && Math.abs(json) < 1e21 ? `${json}.0` : String(json);
  if (Array.isArray(json)) return `[${json.map(stringify).join(",")}]`;
  if (json === null || typeof json !== "object") return JSON.stringify(json);
  const fields = Object.entries(json).filter(([, value]) => value !== undefined);
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${stringify(value)}`).join(",")}}`;
}

/**
 * `{...object, [key]: text}` as JSON text; `text` is JSON text itself.
 * @param {object} object @param {string} key @param {string} text
 */
export function withField(object, key, text) {
  const rest = JSON.stringify(object).slice(1, -1);
  return `{${rest}${rest && ","}${JSON.stringify(key)}:${text}}`;
}

/** @param {bigint} n  A timestamp: base64 of a little-endian u64. */
export function encodeTime(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(n);
  return bytes.toString("base64");
}

/** @param {string} text */
export const decodeTime = (text) => Buffer.from(text, "base64").readBigUInt64LE();

/**
 * A function's failure as the client reads it, with the data of a `ConvexError`.
 * @param {any} error
 */
export const failure = (error) => ({
  errorMessage: `Uncaught ${error?.name ?? "Error"}: ${error?.message ?? error}`,
  ...(error?.name === "ConvexError" && error.data !== undefined ? { errorData: convexToJson(error.data) } : {}),
});
