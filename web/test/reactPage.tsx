/** A page in React as its server and its browser render it: `src/react/hydration.test.ts` bundles it with each React. */
import { Component, StrictMode, version } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { countSets } from "../src/react/sharedTranscriptions";
import { type PersistentTranscription, usePersistentTranscription } from "../src/react/usePersistentTranscription";

export { countSets, version };

/** What the hook returned at the last rendering of each of the two components. */
export const latest: Record<string, PersistentTranscription> = {};

// A class, so that the component may write outside of itself.
class Report extends Component<{ name: string; hook: PersistentTranscription }> {
  override render() {
    const { name, hook } = this.props;
    latest[name] = hook;
    return <p>{`${name}: ${hook.jobs.length} jobs, ${hook.connection}`}</p>;
  }
}

function Jobs({ name }: { name: string }) {
  const hook = usePersistentTranscription({ apiUrl: "http://127.0.0.1:9", storageKey: "shared", liveText: false });
  return <Report name={name} hook={hook} />;
}

const page = (
  <StrictMode>
    <Jobs name="first" />
    <Jobs name="second" />
  </StrictMode>
);

export const renderOnServer = (): string => renderToString(page);

/** Returns how to unmount; `onError` gets what React recovers from, such as HTML that differs. */
export function hydrate(container: Element, onError: (error: unknown) => void): () => void {
  const root = hydrateRoot(container, page, { onRecoverableError: onError });
  return () => root.unmount();
}
