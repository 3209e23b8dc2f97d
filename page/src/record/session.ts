/** The recording that runs in this page, and those that the browser keeps: starts, stops, sends and deletes them. */
import { isRecording } from "../app/recordingNow";
import { signal } from "../app/signal";
import { showToast } from "../app/toastQueue";
import { save } from "../export/download";
import { sendFile } from "../jobs/pageJobs";
import { messages } from "../text/language";
import { type KeptRecording, listKept, lockName, openKept, removeKept } from "./kept";
import { LiveText } from "./liveText";
import { Recording } from "./recording";
import { problemOf, type Source, type SourceProblem } from "./sources";
import { recordMessages } from "./text";

export const current = signal<Recording | null>(null);
/** Its text while it runs, where the person asked for that. */
export const live = signal<LiveText | null>(null);
export const kept = signal<readonly KeptRecording[]>([]);
/** Why the last one did not begin. */
export const startProblem = signal<SourceProblem | null>(null);

/** What the person wants of the running one when it ends; also when the browser ends it. */
let isWantedAsText = true;

export async function refreshKept(): Promise<void> {
  kept.set(await listKept());
}

export async function begin(source: Source, { isLive }: { isLive: boolean }): Promise<void> {
  startProblem.set(null);
  try {
    const recording = await Recording.start(source);
    isWantedAsText = true;
    current.set(recording);
    isRecording.set(true);
    void navigator.storage.persist?.().catch(() => {});
    void recording.finished.then(() => finish(recording));
    if (isLive) live.set(startText(recording));
  } catch (error) {
    startProblem.set(problemOf(error));
  }
}

/** Null where the browser makes no further recorders: the recording goes on without its text. */
function startText(recording: Recording): LiveText | null {
  try {
    return new LiveText(recording);
  } catch (error) {
    console.warn("There is no text while it is recorded.", error);
    return null;
  }
}

export function stop({ asText }: { asText: boolean }): void {
  isWantedAsText = asText;
  live.value?.end();
  current.value?.stop();
}

async function finish(recording: Recording): Promise<void> {
  // Nobody else may have it while it is sent, nor may it be lost where the browser kept only a part of it.
  const isWanted = isWantedAsText || recording.state.value.isInMemory;
  const isSent = isWanted && (await sendWhole(recording).catch(warn));
  live.value?.end();
  live.set(null);
  recording.release();
  current.set(null);
  isRecording.set(false);
  if (isSent) location.hash = "#/";
  await refreshKept();
}

const sendWhole = async (recording: Recording): Promise<boolean> =>
  send(recording.id, await recording.file(recordMessages().filename), recording.state.value.marks);

function warn(error: unknown): false {
  console.warn("The recording was not sent.", error);
  return false;
}

/** Whether a copy is where recordings wait to be sent. If not, this one stays. */
async function send(id: string, file: File, marks: readonly number[]): Promise<boolean> {
  if (file.size === 0) return false; // another tab has sent or deleted it
  const isKept = await sendFile(file, marks);
  if (isKept) await removeKept(id);
  return isKept;
}

// ── those that are kept ───────────────────────────────────────────────────────────────────────────

/** Of two tabs that ask for the same, one does it. */
async function alone(id: string, work: () => Promise<unknown>): Promise<void> {
  await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
    if (lock) await work();
  });
  await refreshKept();
}

export const sendKept = (one: KeptRecording): Promise<void> =>
  alone(one.id, async () => send(one.id, await openKept(one, recordMessages().filename), one.marks));

export async function downloadKept(one: KeptRecording): Promise<void> {
  const file = await openKept(one, recordMessages().filename);
  save(file, file.name);
}

/** Out of sight at once, deleted when the way back has gone. */
export function deleteKept(one: KeptRecording): void {
  kept.set(kept.value.filter(({ id }) => id !== one.id));
  showToast({
    text: () => recordMessages().deleted,
    action: { label: () => messages().undo, run: () => void refreshKept() },
    onEnd: () => void alone(one.id, () => removeKept(one.id)),
  });
}
