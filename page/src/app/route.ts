/** Which view the address names: `#/text/<jobId>`, or the list of all. */
import { signal } from "./signal";

export type Route = { jobId: string | null };

function read(): Route {
  const jobId = /^#\/text\/([0-9a-f-]{36})$/i.exec(location.hash)?.[1] ?? null;
  return { jobId };
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => route.set(read()));

export const textLink = (jobId: string): string => `#/text/${jobId}`;
