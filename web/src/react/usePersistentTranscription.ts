/** The React hook: all jobs of this browser, updated live, through reloads and lost connections. */
import { type ConvexReactClient, useConvex } from "convex/react";
import { getFunctionName } from "convex/server";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { type JobFunctions, linkConvex } from "../browser/convexLink.js";
import { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "../browser/transcriptions.js";

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
 * Below a `ConvexProvider` Convex pushes the jobs and the page polls nothing. Without one, or while Convex is away, the
 * page polls the API every 10 s. Components that pass the same options share one set of jobs and connections. An
 * upload continues when they unmount.
 */
export function usePersistentTranscription(options: PersistentTranscriptionOptions): PersistentTranscription {
  // Undefined outside of a provider, although its type does not say so.
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
  // The key holds all options but `language`; `functions` itself is a new proxy with each render.
  const shared = useMemo(() => share(client, key, options), [client, key]);
  useEffect(() => shared.setLanguage(language), [shared, language]);
  const state = useSyncExternalStore(shared.subscribe, shared.getState, getServerState);
  return useMemo(() => ({ ...shared.actions, ...state }), [shared, state]);
}

/** A server cannot read a browser's jobs, and a browser's first rendering must equal the server's. */
const SERVER_STATE: TranscriptionsState = { jobs: [], connection: "connecting" };
const getServerState = () => SERVER_STATE;

/** What the components with the same options share: methods that need no `this`. */
type Shared = {
  subscribe: (listener: () => void) => () => void;
  getState: () => TranscriptionsState;
  setLanguage: (language: string | undefined) => void;
  actions: Pick<Transcriptions, "start" | "provide" | "cancel" | "retry" | "dismiss" | "remove">;
};

const NO_CLIENT = {};
const sharedByClient = new WeakMap<object, Map<string, Shared>>();

function share(
  client: ConvexReactClient | undefined,
  key: string,
  { functions, ...config }: PersistentTranscriptionOptions,
): Shared {
  const sharedByKey = sharedByClient.get(client ?? NO_CLIENT) ?? new Map<string, Shared>();
  sharedByClient.set(client ?? NO_CLIENT, sharedByKey);
  const existing = sharedByKey.get(key);
  if (existing) return existing;
  const convex = client && functions ? linkConvex(client, functions) : null;
  const shared = toShared(new Transcriptions({ ...config, convex }));
  sharedByKey.set(key, shared);
  return shared;
}

const toShared = (jobs: Transcriptions): Shared => ({
  subscribe: (listener) => jobs.subscribe(listener),
  getState: () => jobs.state,
  setLanguage: (language) => jobs.setLanguage(language),
  actions: {
    start: (file, options) => jobs.start(file, options),
    provide: (jobId, file) => jobs.provide(jobId, file),
    cancel: (jobId) => jobs.cancel(jobId),
    retry: (jobId) => jobs.retry(jobId),
    dismiss: (jobId) => jobs.dismiss(jobId),
    remove: (jobId) => jobs.remove(jobId),
  },
});
