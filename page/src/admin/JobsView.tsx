/** The jobs of all clients: found, cancelled, run again, deleted; and the deliveries that fail. */
import { useState } from "preact/hooks";
import { moment } from "../text/quantities";
import { call } from "./api";
import { confirmed } from "./Confirm";
import { DeliveryList } from "./DeliveryList";
import { JobFilter } from "./JobFilter";
import { useKeyNames } from "./keyNames";
import { ProblemBox } from "./ProblemBox";
import { type AdminText, useAdminText } from "./text";
import { useAction } from "./useAction";
import { usePages } from "./usePages";

export type AdminJob = {
  jobId: string;
  owner: string | null;
  userId?: string;
  status: string;
  progress: number;
  chunks?: { done: number; total?: number };
  attempts: number;
  createdAt: string;
  completedAt?: string;
  waitingUntil?: string;
  waitingFor?: string;
  error?: { code: string; message: string };
};

export function JobsView() {
  const text = useAdminText();
  const [query, setQuery] = useState("");
  const [single, setSingle] = useState<AdminJob | null>(null);
  const { rows, next, problem, isLoading, reload, more, replace } = usePages<AdminJob>(`admin/jobs${query}`, "jobs");
  const put = (changed: AdminJob, isDeleted: boolean) => {
    const change = (jobs: AdminJob[]) =>
      jobs.flatMap((one) => (one.jobId !== changed.jobId ? [one] : isDeleted ? [] : [changed]));
    replace(change);
    setSingle((one) => (one ? (change([one])[0] ?? null) : null));
  };
  const { keys, nameOf } = useKeyNames();
  const shown = single ? [single] : rows;
  return (
    <>
      <JobFilter keys={keys} onQuery={(wanted) => (setSingle(null), setQuery(wanted))} onFound={setSingle} />
      <ProblemBox problem={problem} />
      <div class="section-head">
        <h2>{text.jobs}</h2>
        <button type="button" class="plain" disabled={isLoading} onClick={() => (setSingle(null), void reload())}>
          {text.refresh}
        </button>
      </div>
      {!isLoading && !problem && shown.length === 0 && <p class="dim">{text.noJobs}</p>}
      <ul class="cards list">
        {shown.map((job) => (
          <JobRow key={job.jobId} job={job} nameOf={nameOf} onChange={put} />
        ))}
      </ul>
      {next && !single && (
        <button type="button" class="plain" disabled={isLoading} onClick={() => void more()}>
          {text.more}
        </button>
      )}
      <DeliveryList />
    </>
  );
}

type RowProps = {
  job: AdminJob;
  nameOf: (owner: string) => string;
  onChange: (job: AdminJob, isDeleted: boolean) => void;
};

function JobRow({ job, nameOf, onChange }: RowProps) {
  const text = useAdminText();
  const { isBusy, problem, run } = useAction();
  const act = (method: string, path: string) =>
    run(async () => onChange(await call<AdminJob>(method, `admin/jobs/${job.jobId}${path}`), method === "DELETE"));
  const remove = async () => {
    const question = { title: text.deleteTitle(job.jobId), detail: text.deleteDetail, action: text.delete };
    if (await confirmed(question)) await act("DELETE", "");
  };
  const button = (name: string, onClick: () => void) => (
    <button type="button" disabled={isBusy} aria-label={`${name}: ${job.jobId}`} onClick={onClick}>
      {name}
    </button>
  );
  return (
    <li class="card" data-job={job.jobId} data-status={job.status}>
      <div class="card-head">
        <strong>{text.statuses[job.status] ?? job.status}</strong>
        <code class="wrap">{job.jobId}</code>
      </div>
      <p class="dim wrap">{factsOf(job, nameOf, text).join(" · ")}</p>
      {job.error && <p class="wrap">{`${job.error.message} (${job.error.code})`}</p>}
      <ProblemBox problem={problem} />
      <div class="actions">
        {isActive(job) && button(text.cancelJob, () => void act("POST", "/cancel"))}
        {["failed", "cancelled"].includes(job.status) && button(text.retry, () => void act("POST", "/retry"))}
        {button(text.delete, () => void remove())}
      </div>
    </li>
  );
}

const isActive = ({ status }: AdminJob) => ["pending", "queued", "processing", "waiting"].includes(status);

function factsOf(job: AdminJob, nameOf: RowProps["nameOf"], text: AdminText & { language: string }): string[] {
  const at = (time: string) => moment(Date.parse(time), text.language, Date.now());
  return [
    text.madeAt(at(job.createdAt)),
    text.by(job.owner ? nameOf(job.owner) : text.anonymous),
    ...(job.userId ? [text.user(job.userId)] : []),
    ...(job.status === "processing" ? [`${Math.round(job.progress)} %`] : []),
    ...(job.waitingFor ? [text.waitsFor(text.reasons[job.waitingFor] ?? job.waitingFor)] : []),
    ...(job.waitingUntil && job.status === "waiting" ? [text.waitsUntil(at(job.waitingUntil))] : []),
  ];
}
