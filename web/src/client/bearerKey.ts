/** Whether a request carries the key of the API. */

/** Compares in constant time: digests are equally long, and the loop reads every byte. */
export async function hasKey(request: Request, secret: string): Promise<boolean> {
  const [scheme, key = ""] = (request.headers.get("authorization") ?? "").split(" ", 2);
  if (scheme?.toLowerCase() !== "bearer") return false;
  const [a, b] = await Promise.all([digest(key), digest(secret)]);
  return a.reduce((difference, byte, i) => difference | (byte ^ b[i]!), 0) === 0;
}

const digest = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
