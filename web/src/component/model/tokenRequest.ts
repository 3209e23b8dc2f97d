/** One request to the API for a token. The key goes to the API alone, and the token to the caller alone. */
import { ConvexError } from "convex/values";

/** The API's code where it asks for no keys. */
const ACCESS_OFF = "access_off";
/** Milliseconds: a sleeping container needs some seconds to start. */
const TIMEOUT = 25_000;

export type Api = { url: string; key: string };

/** The text of the token; null where the API asks for no keys. Throws ConvexError where there is none to be had. */
export async function requestToken(api: Api, sub: string, seconds: number): Promise<string | null> {
  const { token, code } = await post(api, { sub, seconds });
  if (token !== null) return token;
  if (code === ACCESS_OFF) return null;
  console.warn(`The transcription service gave no token: ${code}. ESCRIBA_ACCESS_KEY must be a valid key of it.`);
  throw new ConvexError({ code: "token_unavailable", message: "The transcription service gave no token." });
}

async function post({ url, key }: Api, body: object): Promise<{ token: string | null; code: string }> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), TIMEOUT);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body), signal: controller.signal };
  try {
    const response = await fetch(`${url}/tokens`, request);
    const answer = (await response.json()) as { token?: unknown; error?: { code?: unknown } } | null;
    const token = response.ok && typeof answer?.token === "string" ? answer.token : null;
    const code = answer?.error?.code;
    return { token, code: typeof code === "string" ? code : `http_${response.status}` };
  } catch {
    return { token: null, code: "unreachable" };
  } finally {
    clearTimeout(timer);
  }
}
