/** A list that the server gives page by page. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { asProblem, call, type Problem } from "./api";

type Pages<T> = { rows: T[]; next: string | null; problem: Problem | null; isLoading: boolean };

/** `path` has its filter and no cursor; `name` is the field of the rows. */
export function usePages<T>(path: string, name: string) {
  const [state, setState] = useState<Pages<T>>({ rows: [], next: null, problem: null, isLoading: true });
  const load = useCallback(
    async (cursor: string | null) => {
      setState((before) => ({ ...before, isLoading: true, problem: null }));
      const address = cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : path;
      try {
        const answer = await call<Record<string, unknown> & { next: string | null }>("GET", address);
        const rows = answer[name] as T[];
        setState((before) => ({
          rows: cursor ? [...before.rows, ...rows] : rows,
          next: answer.next,
          problem: null,
          isLoading: false,
        }));
      } catch (error) {
        setState((before) => ({ ...before, problem: asProblem(error), isLoading: false }));
      }
    },
    [path, name],
  );
  useEffect(() => void load(null), [load]);
  const replace = (change: (rows: T[]) => T[]) => setState((before) => ({ ...before, rows: change(before.rows) }));
  const { isLoading, next } = state;
  const more = async () => {
    if (!isLoading) await load(next);
  };
  return { ...state, reload: () => load(null), more, replace };
}
