/** What the dashboard asks of the server's `/admin` addresses, and the refusals in the page's language. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { access, authorization } from "../server/access";
import { endpoint } from "../server/address";
import { currentLanguage, messages } from "../text/language";

export type Problem = { code: string; message: string; hint?: string };

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

export const headers = (): Record<string, string> => ({ ...authorization(), "accept-language": currentLanguage() });

/** Throws Refused. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(endpoint(path), { method, headers: { ...headers(), ...type }, ...init }).catch(
    () => null,
  );
  if (response?.ok) return (await response.json()) as T;
  throw new Refused(await problemOf(response));
}

export async function problemOf(response: Response | null): Promise<Problem> {
  if (response?.status === 401) access.set({ ...access.value, isRefused: true });
  const body = (await response?.json().catch(() => null)) as { error?: Problem } | null | undefined;
  return body?.error ?? { code: "away", message: messages().serverAway };
}

export const asProblem = (error: unknown): Problem =>
  error instanceof Refused ? error.problem : { code: "away", message: messages().serverAway };

export type Loaded<T> = { value: T | null; problem: Problem | null; reload: () => Promise<void> };

/** What an address answers: asked when it is first shown, when it changes, and by `reload`. */
export function useLoaded<T>(path: string): Loaded<T> {
  const [state, setState] = useState<{ path: string; value: T | null; problem: Problem | null }>(empty(path));
  const load = useCallback(async () => {
    const next = await call<T>("GET", path).then(
      (value) => ({ path, value, problem: null }),
      (error: unknown) => ({ ...empty<T>(path), problem: asProblem(error) }),
    );
    setState((before) => (before.path === path ? { ...next, value: next.value ?? before.value } : before));
  }, [path]);
  useEffect(() => {
    setState(empty(path));
    void load();
  }, [path, load]);
  return { value: state.value, problem: state.problem, reload: load };
}

const empty = <T>(path: string) => ({ path, value: null as T | null, problem: null as Problem | null });
