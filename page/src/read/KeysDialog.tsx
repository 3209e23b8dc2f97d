/** The list of keys. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "../app/signal";
import { useMessages } from "../text/language";
import type { View } from "./view";

export function KeysDialog({ view }: { view: View }) {
  const text = useMessages();
  const isShown = useSignal(view.isShowingKeys);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (isShown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isShown]);
  return (
    <dialog ref={dialog} class="panel" aria-labelledby="keys-title" onClose={() => view.isShowingKeys.set(false)}>
      <h2 id="keys-title">{text.keys}</h2>
      <dl class="keys">
        {text.keyTable.map(([keys, meaning]) => (
          <div key={keys + meaning}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="main" onClick={() => dialog.current?.close()}>
        {text.close}
      </button>
    </dialog>
  );
}
