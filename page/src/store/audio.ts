/**
 * The recordings themselves, in the browser's own file system (OPFS), so that they can be heard, sent again after a
 * reload, and given back. Without it (no HTTPS, an old browser) they stay in memory for as long as the page is open.
 */

const memory = new Map<string, File>();

async function folder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle("recordings", { create: true });
  } catch {
    return null;
  }
}

/** The name is kept with the job. Resolves to whether the browser keeps the file beyond this page. */
export async function keepAudio(jobId: string, file: File): Promise<boolean> {
  memory.set(jobId, file);
  const files = await folder();
  if (!files) return false;
  try {
    const handle = await files.getFileHandle(jobId, { create: true });
    await file.stream().pipeTo(await handle.createWritable());
    memory.delete(jobId);
    void navigator.storage.persist?.().catch(() => {});
    return true;
  } catch (error) {
    await files.removeEntry(jobId).catch(() => {}); // half a recording is none
    console.warn("The browser keeps the recording only while this page is open.", error);
    return false;
  }
}

export async function readAudio(jobId: string, name: string): Promise<File | null> {
  const held = memory.get(jobId);
  if (held) return held;
  try {
    const file = await (await (await folder())?.getFileHandle(jobId))?.getFile();
    if (!file || file.size === 0) return null;
    return new File([file], name, { type: mediaType(name) });
  } catch {
    return null;
  }
}

/** Whether it is gone for good; false where it could only not be read now. */
export async function isAudioGone(jobId: string): Promise<boolean> {
  if (memory.has(jobId)) return false;
  try {
    const root = await navigator.storage.getDirectory();
    const files = await root.getDirectoryHandle("recordings");
    return (await (await files.getFileHandle(jobId)).getFile()).size === 0;
  } catch (error) {
    return (error as DOMException).name === "NotFoundError";
  }
}

export async function removeAudio(jobId: string): Promise<void> {
  memory.delete(jobId);
  await (await folder())?.removeEntry(jobId).catch(() => {});
}

/** Milliseconds: another tab may be writing a younger one whose job this tab does not know yet. */
const SWEPT_AGE = 3_600_000;

/** Removes recordings that no job and no text needs: a page that crashed may leave one. */
export async function sweepAudio(isNeeded: (jobId: string) => boolean): Promise<void> {
  const files = await folder();
  if (!files) return;
  for await (const [name, handle] of files.entries()) {
    if (isNeeded(name) || handle.kind !== "file") continue;
    const { lastModified } = await (handle as FileSystemFileHandle).getFile();
    if (Date.now() - lastModified > SWEPT_AGE) await files.removeEntry(name).catch(() => {});
  }
}

const TYPES: Record<string, string> = {
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  mp4: "video/mp4",
  wav: "audio/wav",
  flac: "audio/flac",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  webm: "video/webm",
};

const mediaType = (name: string): string => TYPES[name.split(".").at(-1)!.toLowerCase()] ?? "";
