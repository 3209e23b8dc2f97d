/** The view that records: the choice of a source, then the running recording. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../app/Icon";
import { useSignal } from "../app/signal";
import { useMessages } from "../text/language";
import { KeptList } from "./KeptList";
import { RunningRecording } from "./RunningRecording";
import { begin, current, startProblem } from "./session";
import { canRecord, canRecordTab, needsTab, type Source } from "./sources";
import { useRecordMessages } from "./text";

const SOURCES = ["microphone", "tab", "both"] as const;

export function RecordView() {
  const text = useMessages();
  const own = useRecordMessages();
  const recording = useSignal(current);
  useEffect(() => {
    document.title = `${own.title} · Escriba`;
  }, [own.title]);
  return (
    <>
      <a class="button plain back" href="#/">
        <Icon name="back" /> {text.back}
      </a>
      <section class="record panel" data-part="record" aria-labelledby="record-title">
        <h1 id="record-title">{own.title}</h1>
        {recording ? <RunningRecording recording={recording} /> : <StartForm />}
      </section>
      <KeptList />
    </>
  );
}

function StartForm() {
  const own = useRecordMessages();
  const problem = useSignal(startProblem);
  const [source, setSource] = useState<Source>("microphone");
  const [isLive, setLive] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const start = async () => {
    if (isAsking) return;
    setAsking(true);
    await begin(source, { isLive });
    setAsking(false);
  };
  const shown = canRecord() ? problem : "unsupported";
  return (
    <>
      {canRecordTab() && <SourceChoice source={source} onChoose={setSource} />}
      {needsTab(source) && <p class="dim">{own.tabHint}</p>}
      <label class="check">
        <input type="checkbox" checked={isLive} onChange={({ currentTarget }) => setLive(currentTarget.checked)} />
        {own.live}
      </label>
      {isLive && <p class="dim">{own.liveCost}</p>}
      <button
        type="button"
        class="main large"
        disabled={!canRecord()}
        aria-disabled={isAsking}
        onClick={() => void start()}
      >
        {own.start}
      </button>
      <p class="dim">{isLive ? own.safeLive : own.safe}</p>
      <div role="alert">{shown && <p class="problem">{own.problems[shown]}</p>}</div>
    </>
  );
}

function SourceChoice({ source, onChoose }: { source: Source; onChoose: (source: Source) => void }) {
  const own = useRecordMessages();
  return (
    <fieldset class="record-sources">
      <legend class="hidden">{own.source}</legend>
      {SOURCES.map((one) => (
        <label key={one} class="check">
          <input type="radio" name="source" checked={one === source} onChange={() => onChoose(one)} />
          {own.sources[one]}
        </label>
      ))}
    </fieldset>
  );
}
