/** Which jobs are listed: by status, key, user and day, or one by its id. */
import { call } from "./api";
import type { AdminJob } from "./JobsView";
import type { AccessKey } from "./keyFields";
import { ProblemBox } from "./ProblemBox";
import { useAdminText } from "./text";
import { useAction } from "./useAction";

const STATUSES = ["pending", "queued", "processing", "waiting", "completed", "failed", "cancelled"];

type FilterProps = { keys: AccessKey[]; onQuery: (query: string) => void; onFound: (job: AdminJob | null) => void };

export function JobFilter({ keys, onQuery, onFound }: FilterProps) {
  const text = useAdminText();
  const { problem, run } = useAction();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const id = String(fields.get("jobId")).trim();
    onQuery(queryOf(fields));
    void run(async () => onFound(id ? await call<AdminJob>("GET", `admin/jobs/${encodeURIComponent(id)}`) : null));
  };
  return (
    <form class="line filter" onSubmit={submit}>
      <StatusField />
      <label>
        {text.owner}
        <input name="owner" list="key-ids" spellcheck={false} />
        <datalist id="key-ids">
          {keys.map(({ keyId, name }) => (
            <option key={keyId} value={keyId} label={name} />
          ))}
        </datalist>
      </label>
      <label>
        {text.userId}
        <input name="userId" spellcheck={false} />
      </label>
      <label>
        {text.since}
        <input name="since" type="date" />
      </label>
      <label>
        {text.jobId}
        <input name="jobId" spellcheck={false} />
      </label>
      <button type="submit" class="main">
        {text.find}
      </button>
      <ProblemBox problem={problem} />
    </form>
  );
}

function StatusField() {
  const text = useAdminText();
  return (
    <label>
      {text.status}
      <select name="status">
        <option value="">{text.all}</option>
        {STATUSES.map((name) => (
          <option key={name} value={name}>
            {text.statuses[name]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The day begins where the person is. */
function queryOf(fields: FormData): string {
  const wanted = new URLSearchParams();
  for (const name of ["status", "owner", "userId"]) {
    const value = String(fields.get(name)).trim();
    if (value) wanted.set(name, value);
  }
  const since = fields.get("since");
  if (since) wanted.set("since", new Date(`${String(since)}T00:00:00`).toISOString());
  return wanted.size > 0 ? `?${wanted}` : "";
}
