/** The recordings that lie in the browser's file system and have not become a text: found, read, removed. */
import { filenameOf } from "./format";
import { parseJournal } from "./journal";
import { withDuration } from "./webm";

export type KeptRecording = {
  id: string;
  startedAt: number;
  mimeType: string;
  /** As far as the journal says. */
  seconds: number;
  marks: readonly number[];
  sizeBytes: number;
};

/** Held while a tab records it or sends it, and given back by the browser when that tab dies. */
export const lockName = (id: string): string => `escriba-record-${id}`;

async function folders(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle("record");
  } catch {
    return null; // there never was one, or this browser keeps nothing
  }
}

/** Those that no tab is at work on, newest first. A folder without a sound is removed; one that cannot be read stays. */
export async function listKept(): Promise<KeptRecording[]> {
  const all = await folders();
  if (!all) return [];
  const found: KeptRecording[] = [];
  for await (const id of all.keys()) {
    await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      const kept = lock && (await read(await all.getDirectoryHandle(id), id).catch(console.warn));
      if (kept?.sizeBytes) found.push(kept);
      else if (kept) await removeKept(id);
    });
  }
  return found.sort((a, b) => b.startedAt - a.startedAt);
}

/** A sound whose journal was lost is worth as much: its file says when it ended, and the server finds its length. */
async function read(folder: FileSystemDirectoryHandle, id: string): Promise<KeptRecording> {
  const [audio, text] = await Promise.all([readFile(folder, "audio"), readFile(folder, "journal")]);
  const journal = parseJournal(await text.text());
  const unknown = { startedAt: audio.lastModified, mimeType: "audio/webm", seconds: 0, marks: [] };
  return { id, ...(journal ?? unknown), sizeBytes: audio.size };
}

const readFile = async (folder: FileSystemDirectoryHandle, name: string): Promise<File> =>
  (await folder.getFileHandle(name)).getFile();

/** The sound as a file with its length in its head, `tail` being what is only in memory. Nothing of it is read whole. */
export async function openKept(
  { id, mimeType, startedAt, seconds }: Omit<KeptRecording, "sizeBytes" | "marks">,
  word: string,
  tail: readonly Blob[] = [],
): Promise<File> {
  const folder = await (await folders())?.getDirectoryHandle(id).catch(() => null);
  const audio = folder ? [await readFile(folder, "audio").catch(emptyIfAbsent)] : [];
  const type = mimeType.split(";")[0]!;
  const whole = new Blob([...audio, ...tail], { type });
  return new File(await withDuration(whole, seconds), filenameOf(word, startedAt, mimeType), { type });
}

/** A file that is there and cannot be read is none that may be taken for empty, and then deleted. */
function emptyIfAbsent(error: unknown): Blob {
  if (error instanceof DOMException && error.name === "NotFoundError") return new Blob();
  throw error;
}

export async function removeKept(id: string): Promise<void> {
  await (await folders())?.removeEntry(id, { recursive: true }).catch(console.warn);
}
