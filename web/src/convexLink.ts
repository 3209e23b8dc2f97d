/** What this library asks of Convex, over either of its clients; and of the functions of your app. */
import type { ConvexClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { type FunctionReference, getFunctionName } from "convex/server";
import { withTimeout } from "./timeout.js";
import type { ConvexJob, Transcript } from "./job.js";

type Access = { jobId: string; ownerToken?: string };

/** Your app's own `api.jobs`, made from this package's `convex/jobs.ts`. */
export type JobFunctions = {
  create: FunctionReference<
    "mutation",
    "public",
    Access & { userId?: string; filename?: string },
    { created: boolean }
  >;
  get: FunctionReference<"query", "public", Access, ConvexJob | null>;
  cancel: FunctionReference<"mutation", "public", Access & { run?: number; unknownToApi?: boolean }, unknown>;
  remove: FunctionReference<"mutation", "public", Access, unknown>;
};

export type ConvexLink = {
  /** Calls back with the row now and whenever it changes; `undefined` when the query itself failed. */
  watch(access: Access, onRow: (row: ConvexJob | null | undefined) => void): () => void;
  /** `connections` grows with each new connection: it tells a living socket from one that died unnoticed. */
  state(): { connected: boolean; connections: number };
  onState(callback: () => void): () => void;
  create(args: Access & { userId?: string; filename?: string }): Promise<{ created: boolean }>;
  cancel(args: Access & { run?: number; unknownToApi?: boolean }): Promise<unknown>;
  remove(args: Access): Promise<unknown>;
  name: string;
};

/** @param client a `ConvexReactClient`, or a `ConvexClient` outside of React */
export function linkConvex(client: ConvexReactClient | ConvexClient, functions: JobFunctions): ConvexLink {
  return {
    watch: (access, onRow) =>
      "watchQuery" in client
        ? watchReact(client, functions, access, onRow)
        : watchPlain(client, functions, access, onRow),
    state() {
      const { isWebSocketConnected, connectionCount } = client.connectionState();
      return { connected: isWebSocketConnected, connections: connectionCount };
    },
    onState: (callback) => client.subscribeToConnectionState(() => callback()),
    create: (args) => client.mutation(functions.create, args),
    cancel: (args) => client.mutation(functions.cancel, args),
    remove: (args) => client.mutation(functions.remove, args),
    name: getFunctionName(functions.get),
  };
}

type OnRow = Parameters<ConvexLink["watch"]>[1];

/** What `useQuery` does, without a component: so one page can watch many jobs, and also none. */
function watchReact(client: ConvexReactClient, { get }: JobFunctions, access: Access, onRow: OnRow): () => void {
  const watch = client.watchQuery(get, access);
  const report = () => {
    try {
      const row = watch.localQueryResult();
      if (row !== undefined) onRow(row);
    } catch {
      onRow(undefined);
    }
  };
  const stop = watch.onUpdate(report);
  report();
  return stop;
}

function watchPlain(client: ConvexClient, { get }: JobFunctions, access: Access, onRow: OnRow): () => void {
  return client.onUpdate(get, access, onRow, () => onRow(undefined)).unsubscribe;
}

/** Transcripts of many hours have some megabytes. */
const FILE_TIMEOUT = 60_000;

/** The transcript that a row holds, wherever; null while it holds none. Rejects where it cannot be read. */
export async function readTranscript({ resultJson, resultUrl }: ConvexJob): Promise<Transcript | null> {
  if (resultJson !== null) return asTranscript(JSON.parse(resultJson));
  if (resultUrl === null) return null;
  return await withTimeout(FILE_TIMEOUT, undefined, async (signal) => {
    const response = await fetch(resultUrl, { signal });
    if (!response.ok) throw new Error(`The file storage answered HTTP ${response.status}.`);
    return asTranscript(await response.json());
  });
}

function asTranscript(value: unknown): Transcript {
  if (typeof (value as Transcript | null)?.text === "string") return value as Transcript;
  throw new Error("This is no transcript.");
}
