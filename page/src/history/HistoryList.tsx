/** The texts of this browser: searched, sorted, opened, deleted, and taken away together. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useNow } from "../app/clock";
import { Icon } from "../app/Icon";
import { textLink } from "../app/route";
import { useSignal } from "../app/signal";
import { remove } from "../jobs/remove";
import { deleted } from "../jobs/pageJobs";
import type { RecordingRow } from "../store/database";
import { type Messages } from "../text/en";
import { useMessages } from "../text/language";
import { clockTime, moment } from "../text/quantities";
import { shorten } from "../send/checks";
import { downloadAll } from "./downloadAll";
import { moveInRows } from "./rowKeys";
import { type Sort, sortRows } from "./sort";
import { useRecordings, useSearch } from "./useRecordings";

/** Rows that are shown at first, and with each "more": thousands at once would make the page slow. */
const PAGE = 50;

const SORTS = ["newest", "name", "longest"] as const;

export function HistoryList() {
  const text = useMessages();
  const hidden = useSignal(deleted);
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<Sort>("newest");
  const [most, setMost] = useState(PAGE);
  const all = useRecordings()?.filter(({ jobId }) => !hidden.has(jobId)) ?? null;
  const found = useSearch(search, all);
  useEffect(() => setMost(PAGE), [search, sort]);
  const list = useFirstNew(most);
  if (!all) return <p class="dim">{text.loading}</p>;
  const rows = sortRows(found ? all.filter(({ jobId }) => found.has(jobId)) : all, sort, text.language);
  return (
    <section aria-labelledby="history">
      <div class="section-head">
        <h2 id="history">{text.history}</h2>
        {all.length > 1 && (
          <button type="button" class="plain" onClick={() => void downloadAll(rows)}>
            {text.downloadAll}
          </button>
        )}
      </div>
      {all.length === 0 && <p class="dim">{text.historyEmpty}</p>}
      {all.length > 1 && <Filters text={text} onSearch={setSearch} sort={sort} onSort={setSort} />}
      <p class="dim found" role="status">
        {found && (rows.length > 0 ? text.searchCount(rows.length) : text.searchNone(search))}
      </p>
      {rows.length > 0 && (
        <ul ref={list} class="rows" onKeyDown={moveInRows}>
          {rows.slice(0, most).map((row) => (
            <Row key={row.jobId} row={row} excerpt={found?.get(row.jobId) ?? row.excerpt} text={text} />
          ))}
        </ul>
      )}
      {rows.length > most && (
        <button type="button" class="plain" onClick={() => setMost(most + PAGE)}>
          {text.more(Math.min(PAGE, rows.length - most))}
        </button>
      )}
    </section>
  );
}

/** After "more" the focus goes on with the first row that came. */
function useFirstNew(most: number) {
  const list = useRef<HTMLUListElement>(null);
  const before = useRef(most);
  useEffect(() => {
    const first = most > before.current && list.current?.children[before.current]?.querySelector("a");
    if (first) first.focus({ preventScroll: true });
    before.current = most;
  }, [most]);
  return list;
}

type FilterProps = { text: Messages; onSearch: (search: string) => void; sort: Sort; onSort: (sort: Sort) => void };

function Filters({ text, onSearch, sort, onSort }: FilterProps) {
  return (
    <div class="filters">
      <input
        type="search"
        aria-label={text.searchAll}
        placeholder={text.searchAll}
        onInput={(event) => onSearch(event.currentTarget.value.trim())}
      />
      <label class="select">
        <span class="hidden">{text.sort}</span>
        <select value={sort} onChange={(event) => onSort(event.currentTarget.value as Sort)}>
          {SORTS.map((one) => (
            <option key={one} value={one}>
              {text.sorts[one]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

type RowProps = { row: RecordingRow; excerpt: string; text: Messages & { language: string } };

function Row({ row, excerpt, text }: RowProps) {
  const now = useNow(false);
  const facts = [
    moment(row.createdAt, text.language, now),
    row.duration > 0 && clockTime(row.duration),
    text.words(row.wordCount),
    row.editedAt > 0 && text.corrected,
    row.isUnsent && text.unsent,
  ];
  return (
    <li class="row" data-job={row.jobId}>
      <a class="row-link" href={textLink(row.jobId)}>
        <strong class="wrap" dir="auto">
          {row.filename}
        </strong>
        <span class="dim">{facts.filter(Boolean).join(" · ")}</span>
        <span class="excerpt" dir="auto">
          {excerpt}
        </span>
      </a>
      <button
        type="button"
        class="icon"
        aria-label={`${text.remove}: ${shorten(row.filename)}`}
        title={text.remove}
        onClick={() => remove(row.jobId, row.filename)}
      >
        <Icon name="remove" />
      </button>
    </li>
  );
}
