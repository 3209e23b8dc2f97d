/** What this library calls in Convex, through either of Convex's clients: what `exposeApi` gives to pages. */
import type { ConvexClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { type FunctionReference, getFunctionName } from "convex/server";
import type { AccessToken } from "./accessTokens.js";
import type { ConvexJob } from "./job.js";

type Access = { jobId: string; ownerToken?: string };

/** Your app's own `api.jobs`: what `exposeApi` returned, or functions of the same form. */
export type JobFunctions = {
  create: FunctionReference<"mutation", "public", Access & { userId?: string; filename?: string }, Created>;
  get: FunctionReference<"query", "public", Access, ConvexJob | null>;
  cancel: FunctionReference<"mutation", "public", Access & { run?: number; unknownToApi?: boolean }, unknown>;
  remove: FunctionReference<"mutation", "public", Access, unknown>;
  /** Functions of an app's own may lack it; the API must then serve pages without keys. */
  token?: FunctionReference<"action", "public", TokenArgs, AccessToken | null>;
};

type TokenArgs = { ownerToken?: string; subject?: string };

/** `subject`: the user whose token the API wants, where it asks for access keys. */
export type Created = { created: boolean; subject?: string };

export type ConvexLink = {
  /** Calls back with the row now and at each change; with `undefined` when the query fails. Returns how to stop. */
  watch(access: Access, onRow: (row: ConvexJob | null | undefined) => void): () => void;
  /** `connections` grows with each new connection: an unchanged number may mean a socket that died unnoticed. */
  state(): { connected: boolean; connections: number };
  onState(callback: () => void): () => void;
  create(args: Access & { userId?: string; filename?: string }): Promise<Created>;
  cancel(args: Access & { run?: number; unknownToApi?: boolean }): Promise<unknown>;
  remove(args: Access): Promise<unknown>;
  token(args: TokenArgs): Promise<AccessToken | null>;
  name: string;
};

/** @param client a `ConvexReactClient`, or a `ConvexClient` outside of React */
export function linkConvex(client: ConvexReactClient | ConvexClient, functions: JobFunctions): ConvexLink {
  return {
    watch: (access, onRow) =>
      "watchQuery" in client
        ? watchWithReactClient(client, functions, access, onRow)
        : watchWithPlainClient(client, functions, access, onRow),
    state() {
      const { isWebSocketConnected, connectionCount } = client.connectionState();
      return { connected: isWebSocketConnected, connections: connectionCount };
    },
    onState: (callback) => client.subscribeToConnectionState(() => callback()),
    create: (args) => client.mutation(functions.create, args),
    cancel: (args) => client.mutation(functions.cancel, args),
    remove: (args) => client.mutation(functions.remove, args),
    token: (args) => (functions.token ? client.action(functions.token, args) : Promise.resolve(null)),
    name: getFunctionName(functions.get),
  };
}

type OnRow = Parameters<ConvexLink["watch"]>[1];

/** Does what `useQuery` does, but without a component: one page can watch many jobs, or none. */
function watchWithReactClient(client: ConvexReactClient, { get }: JobFunctions, access: Access, onRow: OnRow) {
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

function watchWithPlainClient(client: ConvexClient, { get }: JobFunctions, access: Access, onRow: OnRow) {
  return client.onUpdate(get, access, onRow, () => onRow(undefined)).unsubscribe;
}
