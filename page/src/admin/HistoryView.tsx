/** What was used: by day or hour, and by key. */
import { useMemo, useState } from "preact/hooks";
import { localeOf } from "../text/quantities";
import { useLoaded } from "./api";
import { Chart } from "./Chart";
import { Facts } from "./Facts";
import { useKeyNames } from "./keyNames";
import { periodName } from "./periods";
import { ProblemBox } from "./ProblemBox";
import { type AdminText, useAdminText } from "./text";
import { count, groupBy, lastDays, lastHours, percentile, sum, type Totals, type UsageRow } from "./usage";

const RANGES = ["24h", "7", "30", "90"] as const;

type Range = (typeof RANGES)[number];
type Text = AdminText & { language: string };

export function HistoryView() {
  const text = useAdminText();
  const [range, setRange] = useState<Range>("7");
  const [wanted, setWanted] = useState("");
  const { path, labels } = useMemo(() => periodOf(range, Date.now()), [range]);
  const { value, problem, reload } = useLoaded<{ usage: UsageRow[] }>(path);
  const { nameOf } = useKeyNames();
  const byKey = groupBy(value?.usage ?? [], ({ keyId }) => keyId ?? "");
  const rows = range !== "24h" && byKey.has(wanted) ? byKey.get(wanted)! : (value?.usage ?? []);
  return (
    <>
      <div class="line">
        <Choice label={text.range} value={range} onChoose={(chosen) => setRange(chosen as Range)}>
          {RANGES.map((one) => [one, text.ranges[one]])}
        </Choice>
        {range !== "24h" && (
          <Choice label={text.owner} value={wanted} onChoose={setWanted}>
            {[["", text.allKeys], ...[...byKey.keys()].sort().map((id): [string, string] => [id, nameOf(id)])]}
          </Choice>
        )}
        <button type="button" onClick={() => void reload()}>
          {text.refresh}
        </button>
      </div>
      <ProblemBox problem={problem} />
      {value && <Charts rows={rows} labels={labels} text={text} />}
      {value && range !== "24h" && <ByKey groups={byKey} nameOf={nameOf} text={text} />}
    </>
  );
}

function periodOf(range: Range, now: number): { path: string; labels: string[] } {
  if (range === "24h") return { path: "admin/usage/hours?hours=24", labels: lastHours(now, 24) };
  const labels = lastDays(now, Number(range));
  return { path: `admin/usage?from=${labels[0]}&to=${labels.at(-1)}`, labels };
}

type ChoiceProps = {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  children: Array<[string, string]>;
};

function Choice({ label, value, onChoose, children }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {children.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Charts({ rows, labels, text }: { rows: UsageRow[]; labels: string[]; text: Text }) {
  const totals = sum(rows);
  const byPeriod = groupBy(rows, ({ day, hour }) => day ?? hour ?? "");
  const each = labels.map((label) => sum(byPeriod.get(label) ?? []));
  const whole = (value: number) => value.toLocaleString(text.language, { maximumFractionDigits: 1 });
  const failures = Object.entries(totals.failures).sort(([, a], [, b]) => b - a);
  const shown = { labels: labels.map((label) => periodName(label, localeOf(text.language))), write: whole };
  return (
    <>
      <Facts facts={factsOf(totals, text, whole)} />
      <Facts facts={latenciesOf(totals, text)} />
      <Chart title={text.requests} values={each.map(({ requests }) => requests)} {...shown} />
      <Chart title={text.minutes} values={each.map(({ audioSeconds }) => audioSeconds / 60)} {...shown} />
      <Chart title={text.failures} values={each.map((one) => count(one.failures))} {...shown} />
      {failures.length > 0 && (
        <table>
          <caption>{text.byCode}</caption>
          <tbody>
            {failures.map(([code, amount]) => (
              <tr key={code}>
                <th scope="row">
                  <code>{code}</code>
                </th>
                <td class="number">{whole(amount)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const factsOf = (totals: Totals, text: Text, whole: (value: number) => string): Array<[string, string]> => [
  [text.requests, whole(totals.requests)],
  [text.minutes, whole(totals.audioSeconds / 60)],
  [text.jobs, whole(totals.jobs)],
  [text.failures, whole(count(totals.failures))],
];

const latenciesOf = ({ latency }: Totals, text: Text) =>
  [0.5, 0.95, 0.99].map((share): [string, string] => [
    text.latency(share * 100),
    seconds(percentile(latency, share), text),
  ]);

function seconds(value: number | null, text: Text): string {
  if (value === null) return "–";
  if (!Number.isFinite(value)) return "> 10 min";
  return `${value.toLocaleString(text.language, { maximumSignificantDigits: 2 })} s`;
}

type ByKeyProps = { groups: Map<string, UsageRow[]>; nameOf: (id: string) => string; text: Text };

function ByKey({ groups, nameOf, text }: ByKeyProps) {
  const rows = [...groups].map(([id, rows]) => ({ id, totals: sum(rows) }));
  rows.sort((a, b) => b.totals.audioSeconds - a.totals.audioSeconds || b.totals.requests - a.totals.requests);
  const whole = (value: number) => value.toLocaleString(text.language, { maximumFractionDigits: 1 });
  const cells = ({ requests, jobs, audioSeconds, failures, latency }: Totals) => [
    ...[whole(requests), whole(audioSeconds / 60), whole(jobs), whole(count(failures))],
    seconds(percentile(latency, 0.95), text),
  ];
  const names = [text.requests, text.minutes, text.jobs, text.failures, text.latency(95)];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={text.byKey}>
      <table class="by-key">
        <caption>{text.byKey}</caption>
        <thead>
          <tr>
            <th scope="col">{text.owner}</th>
            {names.map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, totals }) => (
            <tr key={id} data-key={id}>
              <th scope="row">{nameOf(id)}</th>
              {cells(totals).map((value, i) => (
                <td key={names[i]} class="number">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
