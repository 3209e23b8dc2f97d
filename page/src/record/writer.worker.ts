/**
 * Writes one recording into the browser's own file system. Only a worker gets handles whose bytes are in the file at
 * once: a stream of the page would keep them in a second file until it is closed, and a killed browser never closes it.
 */

interface SyncHandle {
  getSize(): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type Files = { audio: SyncHandle; journal: SyncHandle };

/** `open` comes first; `close` ends it. */
export type WriterRequest = { open: string } | { chunk?: ArrayBuffer; line: string } | { close: true };

/** The answer to each request, in order. */
export type WriterAnswer = { problem: string | null };

let files: Files | null = null;

async function open(id: string): Promise<Files> {
  const root = await navigator.storage.getDirectory();
  const all = await root.getDirectoryHandle("record", { create: true });
  const folder = await all.getDirectoryHandle(id, { create: true });
  const openFile = async (name: string) => {
    const handle = await folder.getFileHandle(name, { create: true });
    return (handle as unknown as { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle();
  };
  return { audio: await openFile("audio"), journal: await openFile("journal") };
}

/** All of the bytes or none: what a full disk cut off is taken back. */
function append(handle: SyncHandle, bytes: Uint8Array): void {
  const at = handle.getSize();
  try {
    if (handle.write(bytes, { at }) === bytes.length) return handle.flush();
  } catch (error) {
    handle.truncate(at);
    throw error;
  }
  handle.truncate(at);
  throw new DOMException("The disk is full.", "QuotaExceededError");
}

async function handle(request: WriterRequest): Promise<void> {
  if ("open" in request) {
    files = await open(request.open);
    return;
  }
  if (!files) throw new Error("No recording is open.");
  if ("close" in request) {
    files.audio.close();
    files.journal.close();
    return;
  }
  const size = files.audio.getSize();
  if (request.chunk) append(files.audio, new Uint8Array(request.chunk));
  try {
    append(files.journal, new TextEncoder().encode(request.line));
  } catch (error) {
    files.audio.truncate(size); // the page keeps what was refused: it must not be heard twice
    throw error;
  }
}

let last = Promise.resolve();

globalThis.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  const answer = (problem: string | null) => globalThis.postMessage({ problem } satisfies WriterAnswer);
  last = last
    .then(() => handle(data))
    .then(
      () => answer(null),
      (error: unknown) => answer(error instanceof Error ? error.name : String(error)),
    );
};
