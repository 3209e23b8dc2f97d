/** The deliveries whose last try failed, and another try at once. */
import { moment } from "../text/quantities";
import { call } from "./api";
import { ProblemBox } from "./ProblemBox";
import { type AdminText, useAdminText } from "./text";
import { useAction } from "./useAction";
import { usePages } from "./usePages";

type Failing = {
  jobId: string;
  target: string;
  receiver?: string;
  state: "failing" | "refused";
  attempts: number;
  lastError: string | null;
  nextAt?: string;
};

export function DeliveryList() {
  const text = useAdminText();
  const { rows, next, problem, isLoading, reload, more } = usePages<Failing>("admin/deliveries", "deliveries");
  return (
    <section aria-labelledby="failing">
      <div class="section-head">
        <h2 id="failing">{text.failing}</h2>
        <button type="button" class="plain" disabled={isLoading} onClick={() => void reload()}>
          {text.refresh}
        </button>
      </div>
      <ProblemBox problem={problem} />
      {!isLoading && !problem && rows.length === 0 && <p class="dim">{text.noFailing}</p>}
      <ul class="cards list">
        {rows.map((one) => (
          <FailingRow key={`${one.jobId} ${one.target}`} delivery={one} onRetry={() => void reload()} />
        ))}
      </ul>
      {next && (
        <button type="button" class="plain" disabled={isLoading} onClick={() => void more()}>
          {text.more}
        </button>
      )}
    </section>
  );
}

function FailingRow({ delivery, onRetry }: { delivery: Failing; onRetry: () => void }) {
  const text = useAdminText();
  const { isBusy, problem, run } = useAction();
  const { jobId, target, receiver, lastError } = delivery;
  const facts = [...outlookOf(delivery, text), lastError && reasonOf(lastError, text)];
  return (
    <li class="card" data-delivery={jobId}>
      <div class="card-head">
        <strong class="wrap">{receiver ?? text.targets[target] ?? target}</strong>
        <code class="wrap">{jobId}</code>
      </div>
      <p class="dim wrap">{facts.filter(Boolean).join(" · ")}</p>
      <ProblemBox problem={problem} />
      <div class="actions">
        <button
          type="button"
          disabled={isBusy}
          aria-label={`${text.tryNow}: ${jobId}`}
          onClick={() => void run(() => call("POST", `admin/deliveries/${jobId}/retry`).then(onRetry))}
        >
          {text.tryNow}
        </button>
      </div>
    </li>
  );
}

function outlookOf({ attempts, nextAt }: Failing, text: AdminText & { language: string }): string[] {
  if (!nextAt) return [text.refusedForGood];
  return [text.tries(attempts), text.nextTry(moment(Date.parse(nextAt), text.language, Date.now()))];
}

/** The server's word for it, where it is none that is known here. */
function reasonOf(lastError: string, text: AdminText): string {
  const status = /^answered (\d+)$/.exec(lastError)?.[1];
  return status ? text.answered(status) : (text.lastErrors[lastError] ?? lastError);
}
