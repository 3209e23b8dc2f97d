/**
 * The queue of recordings: each lies in this browser until the API has accepted it, whatever happens to the page. The
 * jobs themselves, and how far each is, are those of `transcriptions`; the queue holds what is needed to send them.
 */
import type { TranscriptionOptions } from "../../../web/src/browser/client";
import { randomUuid } from "../../../web/src/browser/random";
import type { Transcription } from "../../../web/src/browser/transcription";
import { transcriptions } from "../jobs/transcriptions";
import { currentOptions } from "../send/options";
import { access } from "../server/access";
import { isAudioGone, keepAudio, readAudio } from "../store/audio";
import { alone } from "./alone";
import { listRows, putRow, type QueueRow, removeRow } from "./rows";
import { askForSync } from "./sync";

export type NewRecording = { file: Blob | FileSystemFileHandle; filename: string; options?: TranscriptionOptions };

/** `isKept`: the browser has a copy, so the file itself may be deleted. If not, it is sent while the page is open. */
export type Added = { jobId: string; isKept: boolean; file: File };

/** Stores the bytes first, then shows and sends them. */
export async function add({ file, filename, options = currentOptions() }: NewRecording): Promise<Added> {
  const given = file instanceof Blob ? file : await file.getFile();
  const named = new File([given], filename, { type: given.type });
  const jobId = randomUuid();
  const row = {
    jobId,
    filename,
    sizeBytes: named.size,
    createdAt: Date.now(),
    options,
    hasOwner: hasKey(),
    isSent: false,
  };
  const isKept = (await keepAudio(jobId, named)) && (await putRow(row).then(() => true, refuse));
  const copy = (isKept && (await readAudio(jobId, filename))) || named;
  send(jobId, () => void transcriptions.start(copy, options, jobId));
  if (isKept) void askForSync();
  else keepPage(jobId);
  return { jobId, isKept, file: copy };
}

const hasKey = (): boolean => access.value.key !== null;

/** Without its row no other page finds it. */
function refuse(error: unknown): false {
  console.warn("The browser does not keep the queue.", error);
  return false;
}

const onlyHere = new Set<string>();

/** The browser asks before it closes or reloads the only page that has a recording which is not sent. */
function keepPage(jobId: string): void {
  onlyHere.add(jobId);
  addEventListener("beforeunload", askToStay);
}

function askToStay(event: BeforeUnloadEvent): void {
  if ([...onlyHere].some((jobId) => find(jobId)?.status === "pending")) event.preventDefault();
}

const find = (jobId: string): Transcription | undefined => transcriptions.state.jobs.find((job) => job.jobId === jobId);

/** `begin` starts an upload; another tab may have done it when its turn comes. */
function send(jobId: string, begin: () => void): void {
  void alone(jobId, async () => {
    if ((find(jobId)?.status ?? "pending") !== "pending") return;
    begin();
    await uploadEnds(jobId);
  });
}

/** Whether this tab uploads it, or waits for a free place to do so. */
const isUploading = (job: Transcription | undefined): boolean =>
  job?.status === "pending" && (job.uploaded !== null || job.waitsToBeSent) && !job.problem;

async function uploadEnds(jobId: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = () => {
      if (isUploading(find(jobId))) return;
      stop();
      resolve();
    };
    const stop = transcriptions.subscribe(look);
    queueMicrotask(look);
  });
}

/** Tries again what could not be sent. */
export const sendAgain = (jobId: string): void => send(jobId, () => void transcriptions.retry(jobId));

const resumed = new Set<string>();

/** After a reload: sends the browser's copy of a job that lacks its file. Null where the browser has none any more. */
export async function resume({ jobId, filename }: Transcription): Promise<File | null> {
  const file = await readAudio(jobId, filename ?? "");
  if (file && !resumed.has(jobId)) {
    resumed.add(jobId);
    send(jobId, () => {
      resumed.delete(jobId);
      const job = find(jobId);
      if (job && !job.problem && !isUploading(job)) transcriptions.provide(jobId, file);
    });
  }
  return file;
}

/** Recordings that no page has shown yet: it crashed before it could, or another app shared them. */
export async function startUnshown(): Promise<void> {
  for (const row of await listRows()) if (!find(row.jobId)) await startRow(row);
}

async function startRow(row: QueueRow): Promise<void> {
  const { jobId, filename } = row;
  const file = await readAudio(jobId, filename);
  if (!file) return (await isAudioGone(jobId)) ? removeRow(jobId) : undefined;
  const options = row.options ?? currentOptions();
  if (!row.options) await putRow({ ...row, options, hasOwner: hasKey() });
  send(jobId, () => void (find(jobId) ?? transcriptions.start(file, options, jobId)));
}

const accepted = new Set<string>();

/** The queue lets go of what the API has, and of what was cancelled. */
export function dropAccepted(): void {
  for (const { jobId, status } of transcriptions.state.jobs)
    if (status !== "pending" && !accepted.has(jobId)) {
      accepted.add(jobId);
      void removeRow(jobId).catch(console.warn);
    }
}
