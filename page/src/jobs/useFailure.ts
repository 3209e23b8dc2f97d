/** Why a job failed, in the page's language: live events bring the sentence in that of the browser's connection. */
import { useEffect, useState } from "preact/hooks";
import type { Transcription } from "../../../web/src/browser/transcription";
import { useMessages } from "../text/language";
import { transcriptions } from "./pageJobs";

type Failure = Transcription["error"];

export function useFailure({ jobId, error, run }: Transcription): Failure {
  const { language } = useMessages();
  const [translated, setTranslated] = useState<Failure>(null);
  const code = error?.code;
  useEffect(() => {
    let isCurrent = true;
    setTranslated(null);
    if (code)
      transcriptions.client
        .getJob(jobId)
        .then(({ job }) => isCurrent && setTranslated(job.error))
        .catch(() => {}); // the sentence that is there says the same
    return () => {
      isCurrent = false;
    };
  }, [jobId, run, code, language]);
  return error && (translated ?? error);
}
