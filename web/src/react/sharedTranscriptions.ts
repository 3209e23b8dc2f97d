/** The sets of jobs that components share: one for each Convex client and options, for as long as somebody uses it. */
import type { ConvexReactClient } from "convex/react";
import { getFunctionName } from "convex/server";
import { type JobFunctions, linkConvex } from "../browser/convexLink.js";
import { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "../browser/transcriptions.js";

export type SharedOptions = Omit<TranscriptionsConfig, "convex" | "language"> & { functions?: JobFunctions };

export type Actions = Pick<Transcriptions, "start" | "provide" | "cancel" | "retry" | "dismiss" | "remove">;

/** Methods that need no `this`, the same ones at each rendering. */
export type SharedTranscriptions = {
  subscribe: (listener: () => void) => () => void;
  getState: () => TranscriptionsState;
  setLanguage: (language: string | undefined) => void;
  actions: Actions;
};

/** How long a set may be without listeners before it is forgotten: React subscribes some time after it renders. */
const UNUSED_MS = 10_000;

/** The key of the client of a page without Convex. */
const NO_CLIENT = {};
const byClient = new WeakMap<object, Map<string, SharedTranscriptions>>();

/** For every call with the same client and options the same set. A server gets a new one each time, and keeps none. */
export function shareTranscriptions(
  client: ConvexReactClient | undefined,
  options: SharedOptions,
): SharedTranscriptions {
  if (typeof window === "undefined") return createSet(client, options, () => {});
  const sets = byClient.get(client ?? NO_CLIENT) ?? new Map<string, SharedTranscriptions>();
  byClient.set(client ?? NO_CLIENT, sets);
  const key = toKey(options);
  const existing = sets.get(key);
  if (existing) return existing;
  const created = createSet(client, options, (isUsed) => {
    if (!isUsed) sets.delete(key);
    else if (!sets.has(key)) sets.set(key, created);
  });
  sets.set(key, created);
  return created;
}

/** How many sets there are for this client: for tests. */
export const countSets = (client?: ConvexReactClient): number => byClient.get(client ?? NO_CLIENT)?.size ?? 0;

/** All options: `functions` is a new proxy with each rendering, but its name is the same. */
function toKey({ apiUrl, userId, storageKey, pollMs, graceMs, liveText, functions }: SharedOptions): string {
  return JSON.stringify([
    ...[apiUrl, userId, storageKey, pollMs, graceMs, liveText],
    functions && getFunctionName(functions.get),
  ]);
}

function createSet(
  client: ConvexReactClient | undefined,
  { functions, ...config }: SharedOptions,
  onUse: (isUsed: boolean) => void,
): SharedTranscriptions {
  const jobs = new Transcriptions({ ...config, convex: client && functions ? linkConvex(client, functions) : null });
  const use = new Use(() => jobs.holdsUnsentAudio, onUse);
  return {
    subscribe: (listener) => {
      const unsubscribe = jobs.subscribe(listener);
      const release = use.add();
      return () => (unsubscribe(), release());
    },
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
  };
}

/** Counts who uses a set. It stays in use while it has unsent audio, which a component that mounts again can go on with. */
class Use {
  #listeners = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly isBusy: () => boolean,
    private readonly onUse: (isUsed: boolean) => void,
  ) {
    this.#endLater();
  }

  add(): () => void {
    this.#listeners += 1;
    clearTimeout(this.#timer);
    this.onUse(true);
    return () => {
      this.#listeners -= 1;
      this.#endLater();
    };
  }

  #endLater(): void {
    clearTimeout(this.#timer);
    if (typeof window === "undefined" || this.#listeners > 0) return;
    this.#timer = setTimeout(() => (this.isBusy() ? this.#endLater() : this.onUse(false)), UNUSED_MS);
  }
}
