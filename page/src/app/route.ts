/** Which view the address names: `#/text/<jobId>`, `#/record`, or the list of all. */
import { signal } from "./signal";

export type Route = { jobId: string | null; isRecord: boolean };

export const recordLink = "#/record";

function read(): Route {
  const jobId = /^#\/text\/([0-9a-f-]{36})$/i.exec(location.hash)?.[1] ?? null;
  return { jobId, isRecord: location.hash === recordLink };
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => route.set(read()));

export const textLink = (jobId: string): string => `#/text/${jobId}`;
