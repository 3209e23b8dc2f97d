/** The recordings of this page from file to text: what is sent, watched, kept when it is finished, and deleted. */
import type { Transcription } from "../../../web/src/browser/transcription";
import { textLink } from "../app/route";
import { signal } from "../app/signal";
import { showToast } from "../app/toastQueue";
import { add, dropAccepted, resume, startUnshown } from "../queue/queue";
import { startResending } from "../queue/resend";
import { readRows } from "../queue/rows";
import { shorten } from "../send/checks";
import { readDuration } from "../send/duration";
import { currentOptions } from "../send/options";
import { keepAudio, removeAudio, sweepAudio } from "../store/audio";
import { preferences } from "../store/preferences";
import { keepMarks, removeMarks } from "../store/marks";
import { keepResult, listRecordings, removeRecording } from "../store/recordings";
import { currentLanguage, messages } from "../text/language";
import { markDeleted, noteRowToRemove, readDeleted, unmarkDeleted } from "./deletions";
import { transcriptions } from "./transcriptions";

export { transcriptions };

/** Seconds of each recording, as the browser read them. */
export const durations = signal<ReadonlyMap<string, number>>(new Map());
/** Recordings that are out of sight, until they are deleted or brought back. */
export const deleted = signal<ReadonlySet<string>>(new Set());
/** The browser could not keep a recording beyond this page. */
export const audioNotKept = signal(false);

/** Milliseconds. */
const SWEEP_AFTER = 20_000;

const asked = new Set<string>();
const kept = new Set<string>();

export function startJobs(): () => void {
  for (const jobId of readDeleted()) void finishDeletion(jobId);
  const follow = () => preferences.value && transcriptions.setLanguage(currentLanguage());
  const ends = [preferences.subscribe(follow), transcriptions.subscribe(followJobs), startResending()];
  void startUnshown();
  const sweeping = setTimeout(() => void sweep(), SWEEP_AFTER); // the page has better things to do at first
  return () => [...ends, () => clearTimeout(sweeping)].forEach((end) => end());
}

function followJobs(): void {
  dropAccepted();
  for (const job of transcriptions.state.jobs) {
    if (job.status === "completed" && job.result && !kept.has(job.jobId)) void keep(job);
    if ((job.needsFile || !durations.value.has(job.jobId)) && !asked.has(job.jobId)) void recall(job);
  }
}

/** From now on the text is the browser's, and the job is no longer watched. */
async function keep(job: Transcription): Promise<void> {
  kept.add(job.jobId);
  const { jobId, createdAt } = job;
  const etag = job.resultSeq === null ? null : `"${job.resultSeq}"`;
  const named = { jobId, createdAt, etag, filename: job.filename ?? messages().fromLink };
  if (!(await keepResult(named, job.result!, currentLanguage()))) return;
  transcriptions.dismiss(jobId);
  const open = { label: () => messages().open, run: () => location.assign(textLink(jobId)) };
  showToast({ text: () => `${messages().completed}: ${shorten(named.filename)}`, action: open, jobId });
}

/** After a reload: the recording from the browser's store, to send it again or to know how long it is. */
async function recall(job: Transcription): Promise<void> {
  asked.add(job.jobId);
  const file = await resume(job);
  if (file && !durations.value.has(job.jobId)) await measure(job.jobId, file);
}

async function measure(jobId: string, file: Blob): Promise<number | null> {
  const seconds = await readDuration(file);
  if (seconds !== null) durations.set(new Map(durations.value).set(jobId, seconds));
  return seconds;
}

/** Resolves to whether the browser has a copy, so that the file itself may be deleted. `marks`: seconds. */
export async function sendFile(file: File, marks: readonly number[] = []): Promise<boolean> {
  const added = await add({ file, filename: file.name });
  keepMarks(added.jobId, marks);
  asked.add(added.jobId);
  if (!added.isKept) audioNotKept.set(true);
  void measure(added.jobId, added.file);
  return added.isKept;
}

export const sendLink = (url: string): string => transcriptions.startFrom(url, currentOptions());

export function provideFile(jobId: string, file: File): void {
  transcriptions.provide(jobId, file);
  void keepAudio(jobId, file);
  void measure(jobId, file);
}

// ── deleting ──────────────────────────────────────────────────────────────────────────────────────

/** Takes it out of sight. `finishDeletion` or `restore` follows. */
export function hide(jobId: string): void {
  markDeleted(jobId);
  deleted.set(new Set(deleted.value).add(jobId));
}

export function restore(jobId: string): void {
  unmarkDeleted(jobId);
  show(jobId);
}

/** At the server, too. It stays marked, and the next page tries again, where the server does not answer. */
export async function finishDeletion(jobId: string): Promise<void> {
  deleted.set(new Set(deleted.value).add(jobId));
  if (!(await deleteAtServer(jobId))) return;
  noteRowToRemove(jobId);
  await Promise.all([removeRecording(jobId), removeAudio(jobId)]).catch(console.warn);
  removeMarks(jobId);
  transcriptions.dismiss(jobId);
  unmarkDeleted(jobId);
  show(jobId);
}

async function deleteAtServer(jobId: string): Promise<boolean> {
  try {
    await transcriptions.client.cancel(jobId);
    return true;
  } catch (error) {
    return (error as { isJobGone?: boolean }).isJobGone === true;
  }
}

function show(jobId: string): void {
  const others = new Set(deleted.value);
  others.delete(jobId);
  deleted.set(others);
}

async function sweep(): Promise<void> {
  const rows = await Promise.all([listRecordings(), readRows()]).catch(() => null);
  if (!rows) return; // what is needed is not known
  const needed = new Set(rows.flat().map(({ jobId }) => jobId));
  await sweepAudio((id) => needed.has(id) || transcriptions.state.jobs.some(({ jobId }) => jobId === id));
}
