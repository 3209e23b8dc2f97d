/** The text with its tools: correct, find, unsure words, copy, download. */
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "../app/signal";
import { preferences } from "../store/preferences";
import { useMessages } from "../text/language";
import { Part } from "../app/Part";
import { FindBar } from "./FindBar";
import { listenTo } from "./gestures";
import { KeysDialog } from "./KeysDialog";
import { Toolbar } from "./Toolbar";
import type { View } from "./view";

const loadSpeakers = async () => (await import("../speakers/SpeakerDialog")).SpeakerDialog;

export function TextView({ view, recording }: { view: View; recording: File | null }) {
  const text = useMessages();
  const place = useRef<HTMLDivElement>(null);
  const isCorrecting = useSignal(view.isCorrecting);
  const { showUnsure } = useSignal(preferences);
  useEffect(() => {
    place.current!.append(view.dom.container);
    const ends = [view.watch(), listenTo(view)];
    return () => ends.forEach((end) => end());
  }, [view]);
  useEffect(() => view.showUnsure(showUnsure), [view, showUnsure]);
  useEffect(() => view.dom.relabel(text, view.text.paragraphs), [view, text.language]);
  const isFinding = useSignal(view.isFinding);
  const naming = useSignal(view.naming);
  return (
    <>
      <Toolbar view={view} recording={recording} />
      {isFinding && <FindBar view={view} />}
      {isCorrecting && <p class="dim hint">{text.correcting}</p>}
      <section
        ref={place}
        class={isCorrecting ? "correcting" : ""}
        aria-label={text.transcript}
        lang={view.text.row.language ?? undefined}
      />
      {naming !== null && <Part load={loadSpeakers} props={{ view, index: naming }} />}
      <KeysDialog view={view} />
    </>
  );
}
