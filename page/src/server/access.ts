/** The access key of a server that asks for one: for this tab, or in this browser where the person says so. */
import { signal } from "../app/signal";
import { endpoint } from "./address";

const NAME = "escriba:page:key";

function read(): string | null {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

/** `isRefused`: the server said that it does not know this key, or that it has ended. */
export const access = signal<{ key: string | null; isRefused: boolean }>({ key: read(), isRefused: false });

/** For the client of `web/`. A refused key leads to the sign-in. */
export async function tokenFor({ isRefused }: { isRefused: boolean }) {
  const { key } = access.value;
  if (isRefused) access.set({ key, isRefused: true });
  return key && !isRefused ? { token: key, expiresIn: 3_600 } : null;
}

export const authorization = (): Record<string, string> =>
  access.value.key ? { authorization: `Bearer ${access.value.key}` } : {};

/** Asks the server for a job that does not exist: only a key that counts gets as far as 404. */
export async function signIn(key: string, isRemembered: boolean): Promise<"ok" | "wrong" | "away"> {
  const probe = endpoint("job/00000000-0000-4000-8000-000000000000");
  const response = await fetch(probe, { headers: { authorization: `Bearer ${key}` } }).catch(() => null);
  if (response?.status === 401 || response?.status === 403) return "wrong";
  if (response?.status !== 404) return "away";
  store(key, isRemembered);
  access.set({ key, isRefused: false });
  return "ok";
}

export function signOut(): void {
  store(null, false);
  access.set({ key: null, isRefused: false });
}

function store(key: string | null, isRemembered: boolean): void {
  try {
    for (const storage of [sessionStorage, localStorage]) storage.removeItem(NAME);
    if (key) (isRemembered ? localStorage : sessionStorage).setItem(NAME, key);
  } catch {
    // Forbidden: it holds while the page is open.
  }
}
