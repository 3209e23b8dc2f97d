/** The React hook: all jobs of this browser, updated live, through reloads and lost connections. */
import { type ConvexReactClient, useConvex } from "convex/react";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { TranscriptionsState } from "../browser/transcriptions.js";
import { type Actions, type SharedOptions, shareTranscriptions } from "./sharedTranscriptions.js";

/** `functions`: your app's `api.jobs`; leave it out in an app without Convex. */
export type PersistentTranscriptionOptions = SharedOptions & {
  /** The language of error messages, `en` or `es`; it may change at any time. Default: the browser's. */
  language?: string;
};

export type PersistentTranscription = TranscriptionsState & Actions;

/**
 * ```tsx
 * const { jobs, start, cancel } = usePersistentTranscription({ apiUrl, functions: api.jobs });
 * ```
 *
 * Below a `ConvexProvider` Convex pushes the jobs and the page polls nothing. Without one, or while Convex is away, the
 * page polls the API every 10 s. Components that pass the same options share one set of jobs and connections. An
 * upload continues when they unmount.
 */
export function usePersistentTranscription(options: PersistentTranscriptionOptions): PersistentTranscription {
  const { language, ...rest } = options;
  // Undefined outside of a provider, although its type does not say so.
  const client = useConvex() as ConvexReactClient | undefined;
  const { subscribe, getState, setLanguage, actions } = shareTranscriptions(client, rest);
  useEffect(() => setLanguage(language), [setLanguage, language]);
  const state = useSyncExternalStore(subscribe, getState, getServerState);
  return useMemo(() => ({ ...actions, ...state }), [actions, state]);
}

/** A server cannot read a browser's jobs, and a browser's first rendering must equal the server's. */
const SERVER_STATE: TranscriptionsState = { jobs: [], connection: "connecting" };
const getServerState = () => SERVER_STATE;
