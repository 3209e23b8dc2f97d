/** What differs between this browser's history and its person's rows in Convex, and so is to be done. Pure. */
import { isTerminal } from "../../../web/src/job/jobVersion";
import { seqOf } from "../server/etag";
import type { RecordingRow } from "../store/database";
import type { ListedJob, RowList } from "./rows";

export type Situation = RowList & {
  here: readonly RecordingRow[];
  /** Jobs that this browser follows itself, and recordings that a person has deleted. */
  own: ReadonlySet<string>;
  deleted: ReadonlySet<string>;
  /** Which version of a text was brought, so that one that cannot be read is not asked for again and again. */
  brought: ReadonlyMap<string, number>;
  /** Recordings from before are this browser's alone. Milliseconds. */
  since: number;
  now: number;
};

export type Plan = {
  /** Texts that this browser lacks. */
  bring: ListedJob[];
  /** Texts that were corrected on another device. */
  renew: ListedJob[];
  /** Recordings of this browser without a row. */
  create: RecordingRow[];
  /** Copies whose row seems to be removed. */
  check: RecordingRow[];
  /** What other devices have in progress. */
  elsewhere: ListedJob[];
};

const DAY = 24 * 60 * 60_000;

export function planOf({ rows, isWhole, here, own, deleted, brought, since, now }: Situation): Plan {
  const listed = new Map(rows.map((row) => [row.jobId, row]));
  const stored = new Map(here.map((row) => [row.jobId, row]));
  const others = [...listed.values()].filter(({ jobId }) => !own.has(jobId) && !deleted.has(jobId));
  const texts = others.filter(({ jobId, status, seq }) => status === "completed" && brought.get(jobId) !== seq);
  const oldest = isWhole ? -Infinity : Math.min(...rows.map(({ createdAt }) => createdAt));
  return {
    bring: texts.filter(({ jobId }) => !stored.has(jobId)),
    renew: texts.filter((row) => isOlder(stored.get(row.jobId), row.seq)),
    create: here.filter(
      ({ jobId, isListed, createdAt }) => !isListed && createdAt >= since && !deleted.has(jobId) && !own.has(jobId),
    ),
    check: here.filter(
      ({ jobId, isCopy, isUnsent, createdAt }) => isCopy && !isUnsent && !listed.has(jobId) && createdAt > oldest,
    ),
    elsewhere: others.filter(
      ({ jobId, status, updatedAt }) => !isTerminal(status) && !stored.has(jobId) && updatedAt > now - DAY,
    ),
  };
}

/** Corrections that the server has not taken yet are never replaced here: the server decides between the two. */
const isOlder = (row: RecordingRow | undefined, seq: number): boolean =>
  row !== undefined && !row.isUnsent && Number(seqOf(row.etag) ?? -1) < seq;
