/** The tools of a text, always at hand. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../app/Icon";
import { rove } from "../app/roving";
import { useSignal } from "../app/signal";
import { showToast } from "../app/toastQueue";
import { copy } from "../export/download";
import { write } from "../export/formats";
import { prefer, preferences } from "../store/preferences";
import { messages, useMessages } from "../text/language";
import { DownloadMenu } from "./DownloadMenu";
import { run } from "./gestures";
import { sourceOf } from "./source";
import type { View } from "./view";

export function Toolbar({ view, recording }: { view: View; recording: File | null }) {
  const text = useMessages();
  const isCorrecting = useSignal(view.isCorrecting);
  const isFinding = useSignal(view.isFinding);
  const place = useRoving();
  return (
    <div ref={place} class="toolbar" role="toolbar" aria-label={text.transcript}>
      <button type="button" aria-pressed={isCorrecting} onClick={() => view.isCorrecting.set(!isCorrecting)}>
        <Icon name="correct" /> <span class="label">{text.correct}</span>
      </button>
      <History view={view} />
      <button type="button" aria-expanded={isFinding} onClick={() => view.isFinding.set(!isFinding)}>
        <Icon name="find" /> <span class="label">{text.find}</span>
      </button>
      <Unsure view={view} />
      <button
        type="button"
        class="icon"
        aria-label={text.whoSpeaks}
        title={text.whoSpeaks}
        onClick={() => view.naming.set(view.current)}
      >
        <Icon name="speaker" />
      </button>
      <CopyButton view={view} isTimed={false} />
      <DownloadMenu view={view} recording={recording} />
      <button
        type="button"
        class="icon keys-button"
        aria-label={text.keys}
        title={text.keys}
        onClick={() => view.isShowingKeys.set(true)}
      >
        <Icon name="keys" />
      </button>
    </div>
  );
}

function useRoving() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => rove(place.current!, ".toolbar > button, .menu > button", "row"), []);
  return place;
}

function History({ view }: { view: View }) {
  const text = useMessages();
  const [, render] = useState(0);
  useEffect(() => view.text.onChange(() => render((n) => n + 1)), [view]);
  return (
    <>
      <button
        type="button"
        class="icon undo"
        aria-label={text.undo}
        title={text.undo}
        disabled={!view.text.canUndo}
        onClick={() => run(view, "undo")}
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label={text.redo}
        title={text.redo}
        disabled={!view.text.canRedo}
        onClick={() => run(view, "redo")}
      >
        <Icon name="redo" />
      </button>
    </>
  );
}

function Unsure({ view }: { view: View }) {
  const text = useMessages();
  const { showUnsure } = useSignal(preferences);
  const next = () => view.nextUnsure() || showToast({ text: () => messages().unsureNone });
  return (
    <>
      <button type="button" aria-pressed={showUnsure} onClick={() => prefer({ showUnsure: !showUnsure })}>
        <Icon name="unsure" /> <span class="label">{text.unsure}</span>
      </button>
      {showUnsure && (
        <button type="button" class="icon next" aria-label={text.nextUnsure} title={text.nextUnsure} onClick={next}>
          <Icon name="down" /> <span class="label">{text.nextUnsure}</span>
        </button>
      )}
    </>
  );
}

export function CopyButton({ view, isTimed }: { view: View; isTimed: boolean }) {
  const text = useMessages();
  const label = isTimed ? text.copyTimes : text.copy;
  const run = async () => {
    const isCopied = await copy(write(isTimed ? "times" : "txt", sourceOf(view)));
    if (isCopied) showToast({ text: () => messages().copied });
  };
  return (
    <button type="button" class="copy-button" onClick={() => void run()}>
      <Icon name="copy" /> <span>{label}</span>
    </button>
  );
}
