/** The history: what this browser keeps of finished recordings, and news of it for every tab. */
import { signal } from "../app/signal";
import { readAnswer } from "../model/answer";
import type { ApiTranscript } from "../model/paragraphs";
import type { Text } from "../model/speakers";
import type { Paragraph } from "../model/transcript";
import { warningsOf } from "../model/warnings";
import { database, type RecordingRow } from "./database";
import { pack, unpack } from "./packing";

export type StoreNews = { kind: "list" } | { kind: "text"; jobId: string; editedAt: number };

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("escriba-page") : null;
const listeners = new Set<(news: StoreNews) => void>();

channel?.addEventListener("message", ({ data }) => {
  for (const listener of listeners) listener(data as StoreNews);
});

/** Calls back for changes by this tab and by others. Returns how to stop. */
export function onStoreNews(listener: (news: StoreNews) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function announce(news: StoreNews): void {
  channel?.postMessage(news);
  for (const listener of listeners) listener(news);
}

/** Newest first. */
export async function listRecordings(): Promise<RecordingRow[]> {
  const rows = await (await database()).getAllFromIndex("recordings", "createdAt");
  return rows.reverse();
}

export async function readText(jobId: string): Promise<StoredText | null> {
  const held = unkept.get(jobId);
  if (held) return held;
  const db = await database();
  const [row, text] = await Promise.all([db.get("recordings", jobId), db.get("texts", jobId)]);
  if (!row || !text) return null;
  const warnings = row.warnings ?? warningsOf((await readOriginal(jobId)) ?? {});
  return { row: { ...row, warnings }, paragraphs: text.paragraphs.map(unpack) };
}

/** What the engine wrote, before any correction. */
export const readOriginal = async (jobId: string): Promise<ApiTranscript | null> =>
  (await (await database()).get("originals", jobId))?.original ?? null;

export type StoredText = { row: RecordingRow; paragraphs: readonly Paragraph[] };
type FinishedJob = Pick<RecordingRow, "jobId" | "filename" | "createdAt" | "etag" | "isListed" | "isCopy">;

/**
 * Keeps a finished job; what a person has corrected of it is left as it is. False where the browser refuses: then the
 * text stays in memory, and `storeProblem` says why.
 * @param asked the language in which the server was asked, where the page knows it
 */
export async function keepResult(
  job: FinishedJob,
  original: ApiTranscript & { language?: string },
  asked?: string,
): Promise<boolean> {
  const { paragraphs, ...answer } = readAnswer(original, asked);
  const row: RecordingRow = {
    ...job,
    duration: original.duration ?? 0,
    language: original.language ?? null,
    ...summary(paragraphs),
    editedAt: 0,
    isUnsent: false,
    ...answer,
  };
  try {
    await add(row, paragraphs, original);
  } catch (error) {
    unkept.set(job.jobId, { row, paragraphs });
    noteProblem(error);
    return false;
  }
  announce({ kind: "list" });
  return true;
}

async function add(row: RecordingRow, paragraphs: readonly Paragraph[], original: ApiTranscript): Promise<void> {
  const transaction = (await database()).transaction(["recordings", "texts", "originals"], "readwrite");
  const { jobId } = row;
  if (await transaction.objectStore("recordings").get(jobId)) return;
  await Promise.all([
    transaction.objectStore("recordings").put(row),
    transaction.objectStore("texts").put({ jobId, paragraphs: paragraphs.map(pack) }),
    transaction.objectStore("originals").put({ jobId, original }),
    transaction.done,
  ]);
}

/** `full`: there is no room; `forbidden`: the browser keeps nothing of this page. */
export const storeProblem = signal<"full" | "forbidden" | null>(null);
const unkept = new Map<string, StoredText>();

export function noteProblem(error: unknown): void {
  console.warn(error);
  storeProblem.set((error as { name?: string }).name === "QuotaExceededError" ? "full" : "forbidden");
}

/** Stores corrections and tells the other tabs. False where the recording was deleted meanwhile. */
export async function saveText(
  jobId: string,
  { paragraphs, names }: Text,
  change: Partial<RecordingRow>,
): Promise<boolean> {
  const transaction = (await database()).transaction(["recordings", "texts"], "readwrite");
  const row = await transaction.objectStore("recordings").get(jobId);
  if (!row) return false;
  const next = { ...row, ...summary(paragraphs), names, ...change };
  await Promise.all([
    transaction.objectStore("recordings").put(next),
    transaction.objectStore("texts").put({ jobId, paragraphs: paragraphs.map(pack) }),
    transaction.done,
  ]);
  announce({ kind: "text", jobId, editedAt: next.editedAt });
  return true;
}

export async function changeRow(jobId: string, change: Partial<RecordingRow>): Promise<void> {
  const transaction = (await database()).transaction("recordings", "readwrite");
  const row = await transaction.store.get(jobId);
  if (row) await transaction.store.put({ ...row, ...change });
  await transaction.done;
  announce({ kind: "list" });
}

export async function removeRecording(jobId: string): Promise<void> {
  const stores = ["recordings", "texts", "originals"] as const;
  const transaction = (await database()).transaction(stores, "readwrite");
  await Promise.all([...stores.map((name) => transaction.objectStore(name).delete(jobId)), transaction.done]);
  announce({ kind: "list" });
}

/** The recordings whose text or name holds all words of the search, with what stands around the first. */
export async function searchTexts(search: string, signal: AbortSignal): Promise<Map<string, string>> {
  const wanted = fold(search).split(/\s+/).filter(Boolean);
  const found = new Map<string, string>();
  const db = await database();
  for (const { jobId, filename } of await db.getAll("recordings")) {
    if (signal.aborted) return found;
    const paragraphs = (await db.get("texts", jobId))?.paragraphs ?? [];
    const whole = paragraphs.map(({ text }) => text).join(" ");
    const folded = fold(whole);
    if (wanted.every((word) => folded.includes(word) || fold(filename).includes(word)))
      found.set(jobId, around(whole, folded.indexOf(wanted[0]!)));
  }
  return found;
}

/** Without case and accents: who searches for "camion" finds "camión". */
export const fold = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();

function around(text: string, at: number): string {
  if (at < 0) return text.slice(0, 160);
  const from = at <= 50 ? 0 : text.lastIndexOf(" ", at - 50) + 1;
  return `${from > 0 ? "… " : ""}${text.slice(from, from + 180)}`;
}

function summary(paragraphs: readonly Paragraph[]): Pick<RecordingRow, "excerpt" | "wordCount"> {
  return {
    excerpt: paragraphs
      .slice(0, 3)
      .map(({ text }) => text)
      .join(" ")
      .slice(0, 240),
    wordCount: paragraphs.reduce((sum, { words }) => sum + words.length, 0),
  };
}
