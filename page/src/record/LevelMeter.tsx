/** How loud it is, and a word when nothing at all is heard. */
import { useEffect, useRef, useState } from "preact/hooks";
import { meterPosition, SilenceWatch } from "./level";
import type { Recording } from "./recording";
import { useRecordMessages } from "./text";

/** Milliseconds. */
const TICK = 60;

export function LevelMeter({ recording, isOn }: { recording: Recording; isOn: boolean }) {
  const own = useRecordMessages();
  const bar = useRef<HTMLDivElement>(null);
  const [isSilent, setSilent] = useState(false);
  useEffect(() => {
    const silence = new SilenceWatch();
    const timer = setInterval(() => {
      const { level } = recording;
      // The bar is moved past the renderer: sixteen times a second for hours.
      bar.current?.style.setProperty("transform", `scaleX(${meterPosition(level).toFixed(3)})`);
      setSilent(isOn && silence.add(level, performance.now()));
    }, TICK);
    return () => clearInterval(timer);
  }, [recording, isOn]);
  return (
    <>
      <div class="record-level" aria-hidden="true">
        <div ref={bar} />
      </div>
      <p role="status">{isSilent && own.silent}</p>
    </>
  );
}
