/** One text: read, heard, corrected, taken away. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Icon } from "../app/Icon";
import { Part } from "../app/Part";
import { useSignal } from "../app/signal";
import { closeNoticeOf } from "../app/toastQueue";
import { useMessages } from "../text/language";
import { shorten } from "../send/checks";
import { clockTime } from "../text/quantities";
import { readText, type StoredText } from "../store/recordings";
import { AudioChooser } from "./AudioChooser";
import { MarkList } from "./MarkList";
import { OpenText } from "./openText";
import { Player } from "./player";
import { PlayerBar } from "./PlayerBar";
import { SuppressedLines } from "./SuppressedLines";
import { TextView } from "./TextView";
import { useRecording } from "./useRecording";
import { View } from "./view";
import { WarningList } from "./WarningList";

export function Reader({ jobId }: { jobId: string }) {
  const text = useMessages();
  const [stored, setStored] = useState<StoredText | null | undefined>(undefined);
  useEffect(() => {
    void readText(jobId)
      .catch(() => null)
      .then(setStored);
  }, [jobId]);
  if (stored) return <OpenReader stored={stored} />;
  return (
    <>
      <a class="button plain" href="#/">
        <Icon name="back" /> {text.back}
      </a>
      {stored === undefined ? <p class="dim">{text.loading}</p> : <h1>{text.notHere}</h1>}
    </>
  );
}

const loadEmpty = async () => (await import("../empty/EmptyText")).EmptyText;

function OpenReader({ stored }: { stored: StoredText }) {
  const text = useMessages();
  const { jobId, filename, duration } = stored.row;
  const open = useMemo(() => new OpenText(stored), [stored]);
  const player = useMemo(() => new Player(), []);
  const view = useMemo(() => new View(open, player), [open, player]);
  useEffect(() => open.open(), [open]);
  useEffect(() => () => player.close(), [player]);
  const recording = useRecording(jobId, filename, duration, player);
  useEffect(() => closeNoticeOf(jobId), [jobId]);
  useEffect(() => void (document.title = `${shorten(filename)} · Escriba`), [filename]);
  const isChanged = useSignal(open.isChangedElsewhere);
  return (
    <article class="reader">
      <a class="button plain back" href="#/">
        <Icon name="back" /> {text.back}
      </a>
      <Head open={open} />
      <div role="status">{isChanged && <p class="notice">{text.changedElsewhere}</p>}</div>
      <MarkList jobId={jobId} player={player} />
      <TextView view={view} recording={recording.file} />
      {useIsEmpty(open) && <Part load={loadEmpty} props={{ open, player }} />}
      <SuppressedLines jobId={jobId} />
      {recording.file ? (
        <PlayerBar
          {...{ player, follower: view.follower }}
          {...{ row: open.row, paragraphs: open.paragraphs, file: recording.file }}
        />
      ) : (
        recording.isAbsent && <AudioChooser onChoose={recording.choose} />
      )}
      {recording.isOther && <p class="notice">{text.audioOther}</p>}
    </article>
  );
}

function useIsEmpty(open: OpenText): boolean {
  const [count, setCount] = useState(open.paragraphs.length);
  useEffect(() => open.onChange(() => setCount(open.paragraphs.length)), [open]);
  return count === 0;
}

/** What the text is, how far it is stored, and what its reader should know of it. */
function Head({ open }: { open: OpenText }) {
  const text = useMessages();
  const { filename, duration, wordCount } = open.row;
  const state = useSignal(open.saver.state);
  const awaitsSpeakers = useSignal(open.awaitsSpeakers);
  return (
    <>
      <h1 class="wrap" dir="auto">
        {filename}
      </h1>
      <p class="dim facts">
        {[clockTime(duration), wordCount > 0 && text.words(wordCount), awaitsSpeakers && text.voices]
          .filter(Boolean)
          .join(" · ")}
        <span role={state.startsWith("savedHere") ? "status" : undefined}>{state && ` · ${text[state]}`}</span>
      </p>
      <WarningList warnings={open.warnings} />
    </>
  );
}
