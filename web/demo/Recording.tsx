import { useRef, useState } from "react";
import type { Problem, Transcription } from "../src";
import type { PersistentTranscription } from "../src/usePersistentTranscription";
import type { Language, WORDS } from "./messages";

type Words = (typeof WORDS)[Language];

export function Recording({
  job,
  words,
  language,
  escriba,
  onRemove,
}: {
  job: Transcription;
  words: Words;
  language: Language;
  escriba: PersistentTranscription;
  onRemove: () => void;
}) {
  const { jobId, status, text, error, problem, needsFile } = job;
  const name = job.filename ?? jobId;
  const heading = useRef<HTMLHeadingElement>(null);
  /** The button that was pressed goes away with what it did: whoever uses the keyboard stays at the recording. */
  const act = (action: () => unknown) => {
    void action();
    heading.current?.focus();
  };
  return (
    <li className={`recording ${status}`} data-job={jobId} data-status={status} aria-label={name}>
      <div className="row">
        <h3 ref={heading} tabIndex={-1}>
          {name}
        </h3>
        <Size bytes={job.sizeBytes} language={language} />
      </div>
      <p className="status" aria-live="polite">
        {describe(job, words, language)}
      </p>
      <Progress job={job} label={name} />
      <Trouble trouble={status === "failed" ? error : null} words={words} />
      <Trouble trouble={problem} words={words} />
      {needsFile && <p className="trouble">{words.needsFile}</p>}
      <Text job={job} text={text} words={words} />
      <div className="actions">
        {needsFile && (
          <label className="button">
            {words.giveFile}
            <input
              type="file"
              accept="audio/*,video/*"
              onChange={({ target }) => target.files?.[0] && act(() => escriba.provide(jobId, target.files![0]!))}
            />
          </label>
        )}
        {job.canRetry && (
          <button type="button" onClick={() => act(() => escriba.retry(jobId))}>
            {words.retry}
          </button>
        )}
        {job.canCancel && (
          <button type="button" onClick={() => act(() => escriba.cancel(jobId))}>
            {words.cancel}
          </button>
        )}
        {!job.canCancel && !job.cancelling && (
          <button
            type="button"
            onClick={() => {
              if (!confirm(words.reallyRemove)) return;
              void escriba.remove(jobId);
              onRemove();
            }}
          >
            {words.remove}
          </button>
        )}
      </div>
    </li>
  );
}

function Trouble({
  trouble,
  words,
}: {
  trouble: (Pick<Problem, "code" | "message"> & { hint?: string | null }) | null;
  words: Words;
}) {
  if (!trouble) return null;
  return (
    <p className="trouble" role="alert">
      {words.problem[trouble.code] ?? `${trouble.message} ${trouble.hint ?? ""}`}
    </p>
  );
}

function describe(
  { status, stage, uploaded, waitsToBeSent, cancelling, chunks, waitingUntil }: Transcription,
  words: Words,
  language: Language,
): string {
  if (cancelling) return words.cancelling;
  if (uploaded !== null) return words.sending;
  if (waitsToBeSent) return words.waitsToBeSent;
  const said = (status === "processing" && stage && words.stage[stage]) || words.status[status];
  if (status === "processing" && chunks?.total && chunks.total > 1)
    return `${said} · ${words.pieces(chunks.done, chunks.total)}`;
  if (status === "waiting" && waitingUntil)
    return `${said} ${words.goesOn(new Date(waitingUntil).toLocaleTimeString(language, { timeStyle: "short" }))}`;
  return said;
}

function Progress({ job, label }: { job: Transcription; label: string }) {
  const sending = job.uploaded !== null;
  if (!sending && !["queued", "processing", "waiting"].includes(job.status)) return null;
  const percent = Math.round(sending ? job.uploaded! * 100 : job.progress);
  return (
    <div className="bar">
      <progress max={100} value={percent} aria-label={label} />
      <span>{percent} %</span>
    </div>
  );
}

/** A page without HTTPS has no clipboard, whatever its type says. */
const canCopy = (navigator.clipboard as Clipboard | undefined) !== undefined;

function Text({ job, text, words }: { job: Transcription; text: string; words: Words }) {
  const [copied, setCopied] = useState(false);
  const done = job.status === "completed" && job.result !== null;
  if (job.textIsGone) return <p className="gone">{words.textIsGone}</p>;
  if (!done && !text) return null;
  const copy = () => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <div className="text">
      <p className="row">
        <b>{done ? words.transcript : words.soFar}</b>
        {done && text && (
          <span className="actions">
            {canCopy && (
              <button type="button" className="plain" onClick={copy}>
                {copied ? words.copied : words.copy}
              </button>
            )}
            <a
              className="plain"
              download={`${job.filename ?? job.jobId}.txt`}
              href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
            >
              {words.download}
            </a>
          </span>
        )}
      </p>
      <blockquote lang={job.result?.language} tabIndex={0}>
        {text || words.emptyText}
      </blockquote>
    </div>
  );
}

function Size({ bytes, language }: { bytes: number | null; language: Language }) {
  if (bytes === null) return null;
  const large = bytes >= 1e6;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(
    Math.max(bytes / (large ? 1e6 : 1e3), 0.1),
  );
  return (
    <span className="size">
      {number} {large ? "MB" : "kB"}
    </span>
  );
}
