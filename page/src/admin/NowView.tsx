/** How the server is right now, as it changes. */
import { useEffect, useState } from "preact/hooks";
import { fileSize, localeOf, stretch } from "../text/quantities";
import type { Problem } from "./api";
import { Facts, Meter } from "./Facts";
import { type Connection, type Reading, watchNow } from "./nowStream";
import { PauseSwitch } from "./PauseSwitch";
import { ProblemBox } from "./ProblemBox";
import { QuotaTable } from "./QuotaTable";
import { type AdminText, useAdminText } from "./text";

type State = { reading: Reading | null; connection: Connection; problem: Problem | null };

export function NowView() {
  const text = useAdminText();
  const { reading, connection, problem } = useNow();
  return (
    <>
      <p class="connection" data-connection={connection} role="status">
        <span class="dot" aria-hidden="true" />
        {text.connection[connection]}
        {reading && <span class="dim">{` · ${sinceWhen(reading, connection, text)}`}</span>}
      </p>
      {connection === "lost" && <ProblemBox problem={problem} />}
      {reading && <ReadingView reading={reading} text={text} />}
    </>
  );
}

function useNow(): State {
  const [state, setState] = useState<State>({ reading: null, connection: "connecting", problem: null });
  useEffect(
    () =>
      watchNow({
        onReading: (reading) => setState((before) => ({ ...before, reading })),
        onConnection: (connection, problem = undefined) =>
          setState((before) => ({ ...before, connection, problem: problem ?? null })),
      }),
    [],
  );
  return state;
}

type ReadingProps = { reading: Reading; text: AdminText & { language: string } };

function ReadingView({ reading, text }: ReadingProps) {
  return (
    <>
      {reading.problems.map((one) => (
        <p key={one} class="notice bad wrap">
          {one}
        </p>
      ))}
      <PauseSwitch pause={reading.pause} />
      <section aria-labelledby="now-jobs">
        <h2 id="now-jobs">{text.jobs}</h2>
        <JobFacts reading={reading} text={text} />
        <Forecast reading={reading} text={text} />
      </section>
      <section aria-labelledby="now-quota">
        <h2 id="now-quota">{text.quota}</h2>
        <QuotaTable quota={reading.quota} isKnown={reading.jobs !== null} />
      </section>
      <Process reading={reading} text={text} />
    </>
  );
}

function JobFacts({ reading: { jobs, deliveries }, text }: ReadingProps) {
  if (!jobs) return <p class="dim">{text.noStore}</p>;
  const count = (value: number) => value.toLocaleString(text.language);
  const facts: Array<[string, string, string?]> = [
    [
      text.queued,
      count(jobs.queued),
      jobs.queued > 0 && jobs.oldestDueSeconds > 1 ? text.oldest(stretch(jobs.oldestDueSeconds)) : "",
    ],
    [text.processing, count(jobs.processing)],
    [text.waiting, count(jobs.waiting)],
    ...Object.entries(deliveries ?? {}).map(([target, { open, problem }]): [string, string, string?] => [
      `${text.deliveries}: ${text.targets[target] ?? target}`,
      count(open),
      problem,
    ]),
  ];
  return (
    <>
      <Facts facts={facts} />
      <WaitReasons waitingFor={jobs.waitingFor} text={text} />
    </>
  );
}

type WaitProps = { waitingFor: NonNullable<Reading["jobs"]>["waitingFor"]; text: ReadingProps["text"] };

function WaitReasons({ waitingFor, text }: WaitProps) {
  const reasons = Object.entries(waitingFor).sort(([, a], [, b]) => b.jobs - a.jobs);
  if (reasons.length === 0) return null;
  return (
    <table class="reasons">
      <caption>{text.waitingFor}</caption>
      <tbody>
        {reasons.map(([name, { jobs, until }]) => (
          <tr key={name} data-reason={name}>
            <td class="number">{jobs.toLocaleString(text.language)}</td>
            <th scope="row">
              {text.reasons[name] ?? name}
              {until && <span class="dim">{` · ${text.untilFirst(timeOf(until, text.language))}`}</span>}
            </th>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Forecast({ reading: { forecast }, text }: ReadingProps) {
  if (!forecast) return null;
  const { waitSeconds } = forecast;
  return <p class="dim">{waitSeconds > 0 ? text.forecast(stretch(waitSeconds)) : text.forecastNow}</p>;
}

function Process({ reading: { here, storage, engine, version }, text }: ReadingProps) {
  const size = (bytes: number | null) => (bytes === null ? text.unknown : fileSize(bytes, text.language));
  return (
    <section aria-labelledby="now-here">
      <h2 id="now-here">{text.here}</h2>
      <Facts
        facts={[
          [text.transcriptions, String(here.transcriptions)],
          [text.line, String(here.line)],
          [text.hereJobs, String(here.jobs)],
          [text.watchers, String(here.watchers)],
          [text.memory, size(here.memoryBytes)],
          [text.uptime, stretch(here.uptimeSeconds), `Escriba ${version}, ${engine}`],
        ]}
      />
      <Meter
        label={text.storage}
        value={storage.usedBytes ?? 0}
        most={storage.limitBytes}
        says={text.of(size(storage.usedBytes), size(storage.limitBytes))}
      />
    </section>
  );
}

function sinceWhen({ at }: Reading, connection: Connection, text: ReadingProps["text"]): string {
  const time = timeOf(at, text.language);
  return connection === "live" ? text.asOf(time) : text.notLiveSince(time);
}

const timeOf = (at: string, language: string) => new Date(at).toLocaleTimeString(localeOf(language));
