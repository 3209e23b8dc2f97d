/** Which view the address names: `#/text/<jobId>`, `#/record`, `#/admin/<view>`, or the list of all. */
import { signal } from "./signal";

export type Route = { jobId: string | null; isRecord: boolean; adminView: string | null };

export const recordLink = "#/record";

function read(): Route {
  const jobId = /^#\/text\/([0-9a-f-]{36})$/i.exec(location.hash)?.[1] ?? null;
  const adminView = /^#\/admin(?:\/([a-z]*))?$/.exec(location.hash);
  return { jobId, isRecord: location.hash === recordLink, adminView: adminView && (adminView[1] || "now") };
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => route.set(read()));

export const textLink = (jobId: string): string => `#/text/${jobId}`;
