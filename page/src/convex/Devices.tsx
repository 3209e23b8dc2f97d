/** A person's other devices: what is in progress there, whether their list is reached, and how a device joins. */
import { useSignal } from "../app/signal";
import { useMessages } from "../text/language";
import { shorten } from "../send/checks";
import { elsewhere, state } from "./follow";
import { OtherCode, OwnCode } from "./Codes";
import type { ListedJob } from "./rows";
import { textOf } from "./text";

export { follow } from "./follow";

export function Devices() {
  const { language } = useMessages();
  const text = textOf(language);
  const jobs = useSignal(elsewhere);
  const current = useSignal(state);
  return (
    <section class="devices" data-state={current} aria-label={text.title}>
      {jobs.length > 0 && (
        <>
          <h2>{text.elsewhere}</h2>
          <ul class="rows">
            {jobs.map((job) => (
              <Row key={job.jobId} job={job} />
            ))}
          </ul>
        </>
      )}
      <details class="options">
        <summary>
          <span>
            {text.title} <span class="dim">· {text.states[current]}</span>
          </span>
        </summary>
        <div class="options-body">
          <p class="dim">{text.explanation}</p>
          <OwnCode />
          <OtherCode />
        </div>
      </details>
      <p class="hidden" role="status">
        {current !== "connecting" && current !== "live" && `${text.title}: ${text.states[current]}`}
      </p>
    </section>
  );
}

function Row({ job: { jobId, filename, status, progress } }: { job: ListedJob }) {
  const text = useMessages();
  const says = { pending: text.preparing, queued: text.queued, waiting: text.waitingReason };
  return (
    <li class="row" data-job={jobId}>
      <span class="row-link">
        <strong class="wrap" dir="auto">
          {shorten(filename ?? text.fromLink)}
        </strong>
        <span class="dim">{says[status as keyof typeof says] ?? `${text.hearing} · ${Math.floor(progress)} %`}</span>
      </span>
    </li>
  );
}
