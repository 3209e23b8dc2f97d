/** A recording that runs: how long, how loud, and what can be done with it. */
import { useEffect, useState } from "preact/hooks";
import { useSignal } from "../app/signal";
import { clockTime } from "../text/quantities";
import { LevelMeter } from "./LevelMeter";
import { LiveTextView } from "./LiveTextView";
import type { Recording, RecordingState } from "./recording";
import { live, stop } from "./session";
import { useRecordMessages } from "./text";

/** Milliseconds. */
const TICK = 250;

export function RunningRecording({ recording }: { recording: Recording }) {
  const own = useRecordMessages();
  const state = useSignal(recording.state);
  const seconds = useSeconds(recording);
  const text = useSignal(live);
  return (
    <>
      <p class="record-time" data-phase={state.phase}>
        <span role="status">{own.phases[state.phase]}</span> <span class="clock">{clockTime(seconds)}</span>
      </p>
      <LevelMeter recording={recording} isOn={state.phase === "recording"} />
      <Notes state={state} />
      <Buttons recording={recording} state={state} />
      {text && <LiveTextView live={text} />}
      {state.marks.length > 0 && (
        <p class="dim">
          {own.marks}: {state.marks.map(clockTime).join(", ")}
        </p>
      )}
    </>
  );
}

function Notes({ state }: { state: RecordingState }) {
  const own = useRecordMessages();
  // That the microphone is still recorded.
  const isFalse = state.problem === "tabEnded" && state.phase === "interrupted";
  return (
    <div role="alert">
      {state.phase === "interrupted" && <p class="notice">{own.interruptedHint}</p>}
      {state.problem && !isFalse && <p class="problem">{own.problems[state.problem]}</p>}
      {state.isInMemory && <p class="problem">{own.inMemory}</p>}
    </div>
  );
}

function Buttons({ recording, state }: { recording: Recording; state: RecordingState }) {
  const own = useRecordMessages();
  const { phase } = state;
  return (
    <div class="record-buttons">
      {phase === "recording" ? (
        <button type="button" onClick={() => recording.pause()}>
          {own.pause}
        </button>
      ) : (
        <button type="button" disabled={phase === "finished"} onClick={() => void recording.resume()}>
          {own.resume}
        </button>
      )}
      <button type="button" disabled={phase !== "recording"} onClick={() => recording.mark()}>
        {own.mark}
      </button>
      <button type="button" class="main" disabled={phase === "finished"} onClick={() => stop({ asText: true })}>
        {own.stop}
      </button>
      {!state.isInMemory && (
        <button type="button" disabled={phase === "finished"} onClick={() => stop({ asText: false })}>
          {own.keep}
        </button>
      )}
    </div>
  );
}

function useSeconds(recording: Recording): number {
  const [seconds, setSeconds] = useState(recording.seconds);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(recording.seconds), TICK);
    return () => clearInterval(timer);
  }, [recording]);
  return seconds;
}
