/** The first view: where recordings are sent, those in progress, and the history. */
import { useEffect, useState } from "preact/hooks";
import { HistoryList } from "../history/HistoryList";
import { JobCard } from "../jobs/JobCard";
import { deleted, transcriptions } from "../jobs/pageJobs";
import { KeptRecordings } from "../record/RecordLink";
import { access, allows } from "../server/access";
import { SendArea } from "../send/SendArea";
import { useMessages } from "../text/language";
import { Part } from "./Part";
import { useSignal } from "./signal";
import { loadDevices, useHasConvex } from "./useConvex";

export function Home() {
  const text = useMessages();
  const jobs = useJobs();
  const may = useSignal(access);
  const hasConvex = useHasConvex();
  useEffect(() => {
    document.title = `Escriba · ${text.tagline}`;
  }, [text.tagline]);
  return (
    <>
      <h1 class="hidden">{`Escriba: ${text.tagline}`}</h1>
      {allows(may, "transcribe") && <SendArea />}
      <KeptRecordings />
      {jobs.length > 0 && (
        <section aria-labelledby="in-progress">
          <h2 id="in-progress">{text.inProgress}</h2>
          <ul class="cards">
            {jobs.map((job) => (
              <JobCard key={job.jobId} job={job} />
            ))}
          </ul>
        </section>
      )}
      {hasConvex && <Part load={loadDevices} props={{}} />}
      {allows(may, "read") ? <HistoryList /> : <p class="notice">{text.mayNotRead}</p>}
    </>
  );
}

/** All that is not yet a text of the history. */
function useJobs() {
  const hidden = useSignal(deleted);
  const [state, setState] = useState(transcriptions.state);
  useEffect(() => transcriptions.subscribe(() => setState(transcriptions.state)), []);
  return state.jobs.filter(({ jobId }) => !hidden.has(jobId));
}
