/** The React hook: every job of this browser, live, through reloads and lost connections. */
import { type ConvexReactClient, useConvex } from "convex/react";
import { getFunctionName } from "convex/server";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { type JobFunctions, linkConvex } from "./convexLink.js";
import { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "./transcriptions.js";

export type PersistentTranscriptionOptions = Omit<TranscriptionsConfig, "convex"> & {
  /** Your app's `api.jobs`. Leave it out in an app without Convex. */
  functions?: JobFunctions;
};

export type PersistentTranscription = TranscriptionsState &
  Pick<Transcriptions, "start" | "provide" | "cancel" | "retry" | "dismiss" | "remove">;

/**
 * ```tsx
 * const { jobs, start, cancel } = usePersistentTranscription({ apiUrl, functions: api.jobs });
 * ```
 *
 * Below a `ConvexProvider` the jobs come from Convex and nothing is polled; without one, or while
 * Convex is away, the API is asked every 10 s. Components that pass the same options share one set
 * of jobs and connections, and audio that is being sent survives their unmounting.
 */
export function usePersistentTranscription(options: PersistentTranscriptionOptions): PersistentTranscription {
  // Undefined outside of a provider, whatever its type says.
  const client = useConvex() as ConvexReactClient | undefined;
  const { functions, apiUrl, userId, storageKey, pollMs, graceMs, liveText, language } = options;
  const key = JSON.stringify([
    apiUrl,
    userId,
    storageKey,
    pollMs,
    graceMs,
    liveText,
    functions && getFunctionName(functions.get),
  ]);
  // All other options are in the key; `functions` itself is a new proxy with each render.
  const shared = useMemo(() => share(client, key, options), [client, key]);
  useEffect(() => shared.speak(language), [shared, language]);
  const state = useSyncExternalStore(shared.subscribe, shared.read, onServer);
  return useMemo(() => ({ ...shared.actions, ...state }), [shared, state]);
}

/** A server knows of no browser's jobs, and a browser begins with what the server rendered. */
const NOTHING_YET: TranscriptionsState = { jobs: [], connection: "connecting" };
const onServer = () => NOTHING_YET;

type Shared = {
  subscribe: (listener: () => void) => () => void;
  read: () => TranscriptionsState;
  speak: (language: string | undefined) => void;
  actions: Pick<Transcriptions, "start" | "provide" | "cancel" | "retry" | "dismiss" | "remove">;
};

const withoutClient = {};
const shares = new WeakMap<object, Map<string, Shared>>();

function share(
  client: ConvexReactClient | undefined,
  key: string,
  { functions, ...config }: PersistentTranscriptionOptions,
): Shared {
  const owner = client ?? withoutClient;
  const known = shares.get(owner) ?? new Map<string, Shared>();
  shares.set(owner, known);
  const found = known.get(key);
  if (found) return found;
  const jobs = new Transcriptions({ ...config, convex: client && functions ? linkConvex(client, functions) : null });
  const made: Shared = {
    subscribe: (listener) => jobs.subscribe(listener),
    read: () => jobs.state,
    speak: (language) => jobs.speak(language),
    actions: {
      start: (file, options) => jobs.start(file, options),
      provide: (jobId, file) => jobs.provide(jobId, file),
      cancel: (jobId) => jobs.cancel(jobId),
      retry: (jobId) => jobs.retry(jobId),
      dismiss: (jobId) => jobs.dismiss(jobId),
      remove: (jobId) => jobs.remove(jobId),
    },
  };
  known.set(key, made);
  return made;
}
