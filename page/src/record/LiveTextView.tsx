/** The text while it is spoken, and what it costs the server. */
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "../app/signal";
import { concatenate } from "../model/tokens";
import { clockTime } from "../text/quantities";
import type { LiveText } from "./liveText";
import { useRecordMessages } from "./text";

export function LiveTextView({ live }: { live: LiveText }) {
  const own = useRecordMessages();
  const { text, open, heard, isBehind } = useSignal(live.state);
  const whole = concatenate(text, open);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.scrollTo(0, box.current.scrollHeight);
  }, [text, open]);
  return (
    <>
      <div ref={box} class="record-text" role="region" aria-label={own.liveTitle} tabIndex={0}>
        {text || open ? (
          <p>
            {whole.slice(0, whole.length - open.length)}
            <span class="dim">{open}</span>
          </p>
        ) : (
          <p class="dim">{own.liveWaits}</p>
        )}
      </div>
      <p class="dim">{own.liveHeard(clockTime(heard))}</p>
      <div role="status">{isBehind && <p class="notice">{own.liveBehind}</p>}</div>
    </>
  );
}
