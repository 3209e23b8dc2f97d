/** Sign-in at the plain provider: the browser keeps the name, and Convex gets a token for it. */
import { useCallback, useSyncExternalStore } from "react";

const { VITE_SIGN_IN_URL: providerUrl } = import.meta.env;
const KEY = "escriba-example:name";

export const canSignIn = Boolean(providerUrl);

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** With an empty name nobody is signed in. */
export function signIn(name: string): void {
  localStorage.setItem(KEY, name);
  for (const listener of listeners) listener();
}

/** The name of the user; empty where nobody is signed in. */
export const useName = (): string => useSyncExternalStore(subscribe, () => localStorage.getItem(KEY) ?? "");

/** What `ConvexProviderWithAuth` asks for. */
export function useSignIn() {
  const name = useName();
  const fetchAccessToken = useCallback(async () => {
    const response = await fetch(`${providerUrl}/token?${new URLSearchParams({ name })}`);
    const { token } = (await response.json()) as { token: string };
    return token;
  }, [name]);
  return { isLoading: false, isAuthenticated: name !== "", fetchAccessToken };
}
