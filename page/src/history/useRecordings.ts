/** The rows of the history as they change, in this tab and in others; and a search over their texts. */
import { useEffect, useState } from "preact/hooks";
import type { RecordingRow } from "../store/database";
import { listRecordings, noteProblem, onStoreNews, searchTexts } from "../store/recordings";

/** Null until they are read. */
export function useRecordings(): RecordingRow[] | null {
  const [rows, setRows] = useState<RecordingRow[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const read = () =>
      listRecordings()
        .catch((error: unknown) => (noteProblem(error), []))
        .then((found) => isCurrent && setRows(found));
    void read();
    const stop = onStoreNews(() => void read());
    return () => {
      isCurrent = false;
      stop();
    };
  }, []);
  return rows;
}

/** Milliseconds without a letter before the texts are searched. */
const REST = 200;

/** The excerpts of those that were found; null where nothing is searched for. */
export function useSearch(search: string, rows: RecordingRow[] | null): Map<string, string> | null {
  const [found, setFound] = useState<Map<string, string> | null>(null);
  const count = rows?.length ?? 0;
  useEffect(() => {
    if (!search) return setFound(null);
    const controller = new AbortController();
    const timer = setTimeout(() => {
      void searchTexts(search, controller.signal).then((next) => controller.signal.aborted || setFound(next));
    }, REST);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [search, count]);
  return found;
}
