/** One recording: its status, its progress, its text, and what a person can do with it. */
import { useRef, useState } from "react";
import type { Problem, Transcription } from "escriba/browser";
import type { PersistentTranscription } from "escriba/react";
import type { Language, Messages } from "./messages";

type Props = {
  job: Transcription;
  messages: Messages;
  language: Language;
  escriba: PersistentTranscription;
  onRemove: () => void;
};

export function Recording({ job, messages, language, escriba, onRemove }: Props) {
  const name = job.filename ?? job.jobId;
  const heading = useRef<HTMLHeadingElement>(null);
  /** The button disappears with its action: a person at the keyboard stays at the recording. */
  const act = (action: () => unknown) => {
    void action();
    heading.current?.focus();
  };
  return (
    <li className={`recording ${job.status}`} data-job={job.jobId} data-status={job.status} aria-label={name}>
      <div className="row">
        <h3 ref={heading} tabIndex={-1}>
          {name}
        </h3>
        <Size bytes={job.sizeBytes} language={language} />
      </div>
      <p className="status" aria-live="polite">
        {describe(job, messages, language)}
      </p>
      <Progress job={job} label={name} />
      <Trouble trouble={job.status === "failed" ? job.error : null} messages={messages} />
      <Trouble trouble={job.problem} messages={messages} />
      {job.needsFile && <p className="trouble">{messages.needsFile}</p>}
      <Text job={job} messages={messages} />
      <Actions {...{ job, messages, escriba, act, onRemove }} />
    </li>
  );
}

type ActionsProps = Pick<Props, "job" | "messages" | "escriba" | "onRemove"> & {
  act: (action: () => unknown) => void;
};

function Actions({ job, messages, escriba, act, onRemove }: ActionsProps) {
  const { jobId } = job;
  const remove = () => {
    if (!confirm(messages.confirmRemove)) return;
    void escriba.remove(jobId);
    onRemove();
  };
  return (
    <div className="actions">
      {job.needsFile && (
        <label className="button">
          {messages.chooseFileAgain}
          <input
            type="file"
            accept="audio/*,video/*"
            onChange={({ target }) => target.files?.[0] && act(() => escriba.provide(jobId, target.files![0]!))}
          />
        </label>
      )}
      {job.canRetry && <Button label={messages.retry} onClick={() => act(() => escriba.retry(jobId))} />}
      {job.canCancel && <Button label={messages.cancel} onClick={() => act(() => escriba.cancel(jobId))} />}
      {!job.canCancel && !job.cancelling && <Button label={messages.remove} onClick={remove} />}
    </div>
  );
}

const Button = ({ label, onClick }: { label: string; onClick: () => void }) => (
  <button type="button" onClick={onClick}>
    {label}
  </button>
);

type TroubleProps = {
  trouble: (Pick<Problem, "code" | "message"> & { hint?: string | null }) | null;
  messages: Messages;
};

function Trouble({ trouble, messages }: TroubleProps) {
  if (!trouble) return null;
  return (
    <p className="trouble" role="alert">
      {messages.problem[trouble.code] ?? `${trouble.message} ${trouble.hint ?? ""}`}
    </p>
  );
}

function describe(job: Transcription, messages: Messages, language: Language): string {
  const { status, stage, chunks, waitingUntil } = job;
  if (job.cancelling) return messages.cancelling;
  if (job.uploaded !== null) return messages.sending;
  if (job.waitsToBeSent) return messages.waitsToBeSent;
  const text = (status === "processing" && stage && messages.stage[stage]) || messages.status[status];
  if (status === "processing" && chunks?.total && chunks.total > 1)
    return `${text} · ${messages.pieces(chunks.done, chunks.total)}`;
  if (status !== "waiting" || !waitingUntil) return text;
  const time = new Date(waitingUntil).toLocaleTimeString(language, { timeStyle: "short" });
  return `${text} ${messages.continuesAt(time)}`;
}

function Progress({ job, label }: { job: Transcription; label: string }) {
  const isUploading = job.uploaded !== null;
  if (!isUploading && !["queued", "processing", "waiting"].includes(job.status)) return null;
  const percent = Math.round(isUploading ? job.uploaded! * 100 : job.progress);
  return (
    <div className="bar">
      <progress max={100} value={percent} aria-label={label} />
      <span>{percent} %</span>
    </div>
  );
}

function Text({ job, messages }: { job: Transcription; messages: Messages }) {
  const isDone = job.status === "completed" && job.result !== null;
  if (job.textIsGone) return <p className="gone">{messages.textIsGone}</p>;
  if (!isDone && !job.text) return null;
  return (
    <div className="text">
      <p className="row">
        <b>{isDone ? messages.transcript : messages.textSoFar}</b>
        {isDone && job.text && <TextActions job={job} messages={messages} />}
      </p>
      <blockquote lang={job.result?.language} tabIndex={0}>
        {job.text || messages.emptyText}
      </blockquote>
    </div>
  );
}

/** A page without HTTPS has no clipboard, although the type does not say so. */
const canCopy = (navigator.clipboard as Clipboard | undefined) !== undefined;

function TextActions({ job, messages }: { job: Transcription; messages: Messages }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(job.text).then(() => setCopied(true));
  return (
    <span className="actions">
      {canCopy && (
        <button type="button" className="plain" onClick={copy}>
          {isCopied ? messages.copied : messages.copy}
        </button>
      )}
      <a
        className="plain"
        download={`${job.filename ?? job.jobId}.txt`}
        href={`data:text/plain;charset=utf-8,${encodeURIComponent(job.text)}`}
      >
        {messages.download}
      </a>
    </span>
  );
}

function Size({ bytes, language }: { bytes: number | null; language: Language }) {
  if (bytes === null) return null;
  const [divisor, unit] = bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(Math.max(bytes / divisor, 0.1));
  return (
    <span className="size">
      {number} {unit}
    </span>
  );
}
