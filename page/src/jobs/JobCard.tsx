/** One recording in progress: what happens to it, how much is done, its text as it comes, and what can be done. */
import { useRef } from "preact/hooks";
import type { Transcription } from "../../../web/src/browser/transcription";
import { useNow } from "../app/clock";
import { textLink } from "../app/route";
import { useSignal } from "../app/signal";
import { shorten } from "../send/checks";
import type { Messages } from "../text/en";
import { useMessages } from "../text/language";
import { clockTime, fileSize } from "../text/quantities";
import { describe } from "./describe";
import { durations, provideFile, transcriptions } from "./pageJobs";
import { fractionOf, type Phase, phaseOf } from "./phase";
import { remove } from "./remove";
import { useFailure } from "./useFailure";

export function JobCard({ job }: { job: Transcription }) {
  const text = useMessages();
  const duration = useSignal(durations).get(job.jobId) ?? null;
  const phase = phaseOf(job);
  const isActive = !["completed", "failed", "cancelled", "needsFile"].includes(phase);
  const now = useNow(isActive);
  const name = job.filename ?? text.fromLink;
  const { state, detail } = describe(job, { duration, now, text });
  const facts = [duration && clockTime(duration), job.sizeBytes && fileSize(job.sizeBytes, text.language)];
  return (
    <li class={`card ${phase}`} data-job={job.jobId} data-phase={phase}>
      <div class="card-head">
        <strong class="wrap" dir="auto">
          {name}
        </strong>
        <span class="dim facts">{facts.filter(Boolean).join(" · ")}</span>
      </div>
      <p class="state">
        {isActive && <span class="pulse" aria-hidden="true" />}
        <span>{state}</span>
        {detail && <span class="dim"> · {detail}</span>}
      </p>
      <span class="hidden" role="status">
        {announcement(phase, name, text)}
      </span>
      {isActive && <Bar fraction={fractionOf(job, duration)} label={state} />}
      <Explanation job={job} />
      {job.text && (
        <p class="live" dir="auto" tabIndex={0} role="region" aria-label={text.transcript}>
          {lastPart(job.text)}
        </p>
      )}
      <Actions job={job} name={name} />
    </li>
  );
}

/** What is read aloud: not each percent, but that it began, waits or has ended. A failure is an alert of its own. */
function announcement(phase: Phase, name: string, text: Messages): string {
  const sentences: Partial<Record<Phase, string>> = {
    hearing: text.hearing,
    waiting: text.waitingReason,
    waitsForNetwork: text.waitsForNetwork,
    cancelled: text.cancelled,
    needsFile: text.needsFile,
  };
  return sentences[phase] ? `${shorten(name)}: ${sentences[phase]}` : "";
}

/** A bar only where something was counted. */
function Bar({ fraction, label }: { fraction: number | null; label: string }) {
  if (fraction === null) return null;
  return <progress max={1} value={fraction} aria-label={label} />;
}

function Explanation({ job }: { job: Transcription }) {
  const text = useMessages();
  const phase = phaseOf(job);
  const problem = useFailure(job) ?? job.problem;
  if (problem && phase !== "waitsForNetwork")
    return (
      <div class="problem" role="alert">
        <p class="wrap">{problem.message}</p>
        {problem.hint && <p class="wrap dim">{problem.hint}</p>}
      </div>
    );
  const hints: Partial<Record<typeof phase, string>> = {
    sending: text.sendingHint,
    waitsForNetwork: text.networkHint,
    queued: text.queuedHint,
    waiting: text.waitingReason,
    ...(job.textIsGone ? { completed: text.textGone } : {}),
  };
  return hints[phase] ? <p class="dim hint">{hints[phase]}</p> : null;
}

function Actions({ job, name }: { job: Transcription; name: string }) {
  const text = useMessages();
  const label = (action: string) => `${action}: ${name.slice(0, 100)}`;
  const hasEnded = ["completed", "failed", "cancelled"].includes(job.status);
  return (
    <div class="actions">
      {job.result && (
        <a class="button main" href={textLink(job.jobId)}>
          {text.open}
        </a>
      )}
      {job.needsFile && <ChooseAgain jobId={job.jobId} />}
      {job.canRetry && (
        <button type="button" aria-label={label(text.retry)} onClick={() => void transcriptions.retry(job.jobId)}>
          {text.retry}
        </button>
      )}
      {job.canCancel && !hasEnded && (
        <button type="button" aria-label={label(text.cancel)} onClick={() => void transcriptions.cancel(job.jobId)}>
          {text.cancel}
        </button>
      )}
      {hasEnded && (
        <button type="button" aria-label={label(text.remove)} onClick={() => remove(job.jobId, name)}>
          {text.remove}
        </button>
      )}
    </div>
  );
}

function ChooseAgain({ jobId }: { jobId: string }) {
  const text = useMessages();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        onChange={({ currentTarget }) => currentTarget.files?.[0] && provideFile(jobId, currentTarget.files[0])}
      />
      <button type="button" class="main" onClick={() => input.current?.click()}>
        {text.chooseAgain}
      </button>
    </>
  );
}

/** The newest lines are what a person watches; the whole text is in the reader. */
const SHOWN = 600;

function lastPart(text: string): string {
  if (text.length <= SHOWN) return text;
  return `… ${text.slice(text.indexOf(" ", text.length - SHOWN) + 1)}`;
}
