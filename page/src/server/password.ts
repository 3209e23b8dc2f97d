/** The server's tokens for a browser that knows the page's password. */
import { randomHex } from "../../../web/src/browser/random";
import { endpoint } from "./address";

const BROWSER = "escriba:page:browser";

export type TokenAnswer =
  | { kind: "token"; token: string; scopes: readonly string[] }
  | { kind: "wrong" | "away" }
  | { kind: "tooMany"; seconds: number };

export const tokenByPassword = (password: string): Promise<TokenAnswer> =>
  ask({ password, browser: browserSecret() }, {});

/** The next token, from one that is still valid. */
export const renewToken = (token: string): Promise<TokenAnswer> => ask({}, { authorization: `Bearer ${token}` });

async function ask(body: object, headers: Record<string, string>): Promise<TokenAnswer> {
  const response = await fetch(endpoint("sign-in"), {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => null);
  if (response?.status === 401 || response?.status === 404) return { kind: "wrong" };
  if (response?.status === 429) return { kind: "tooMany", seconds: Number(response.headers.get("retry-after")) || 10 };
  if (!response?.ok) return { kind: "away" };
  const { token, scopes } = (await response.json()) as { token: string; scopes: string[] };
  return { kind: "token", token, scopes };
}

/** From the next sign-in on this browser's recordings are those of the browser that has the same secret. */
export function shareBrowserSecret(secret: string): void {
  try {
    localStorage.setItem(BROWSER, secret);
  } catch {
    // Forbidden: then the recordings are this page's alone.
  }
}

/** Whose recordings this browser's are, at the server. It stays when the person signs out, so that they are found again. */
export function browserSecret(): string {
  try {
    const kept = localStorage.getItem(BROWSER);
    if (kept) return kept;
    const made = randomHex(24);
    localStorage.setItem(BROWSER, made);
    return made;
  } catch {
    return randomHex(24); // forbidden: the recordings are this page's alone
  }
}
