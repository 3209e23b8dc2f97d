/**
 * Cuts a long recording into pieces that a browser decodes one at a time, so that hours take the memory of a minute: wav,
 * and mp3 and AAC as streams (adts), whose frames stand on their own. Other formats are not cut.
 */

/** Bytes in which the beginning of the sound is looked for, and of each piece its first frame. */
const HEAD = 64 * 1024;

/** Each piece is a file that can be decoded; nothing where the format cannot be cut. */
export async function* slicesOf(file: Blob, bytes: number): AsyncGenerator<ArrayBuffer> {
  const head = await read(file, await soundStart(file), HEAD);
  if (text(head, 0) === "RIFF" && text(head, 8) === "WAVE") yield* wavSlices(file, head, bytes);
  else if (isFrame(head, 0)) yield* frameSlices(file, head.subarray(0, 3), bytes);
}

async function read(file: Blob, from: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(from, from + length).arrayBuffer());
}

const text = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Behind an ID3 tag, whose length has seven bits a byte: https://id3.org/id3v2.4.0-structure */
async function soundStart(file: Blob): Promise<number> {
  const tag = await read(file, 0, 10);
  if (!text(tag, 0).startsWith("ID3")) return 0;
  return 10 + tag.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 127), 0);
}

// ── mp3 and adts ──────────────────────────────────────────────────────────────────────────────────

const isFrame = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0xff && (bytes[at + 1]! & 0xe0) === 0xe0;

async function* frameSlices(file: Blob, first: Uint8Array, bytes: number): AsyncGenerator<ArrayBuffer> {
  let start = await soundStart(file);
  while (start < file.size) {
    const end = Math.min(start + bytes, file.size);
    const next = end < file.size ? end + findFrame(await read(file, end, HEAD), first) : end;
    yield file.slice(start, next).arrayBuffer();
    start = next;
  }
}

/** The next header like the first one: of layer III its rate agrees, of AAC its profile and rate, too. */
function findFrame(bytes: Uint8Array, [, kind, rate]: Uint8Array): number {
  const mask = (kind! & 0x06) === 0 ? 0xfc : 0x0c; // layer 0 is AAC
  for (let at = 0; at + 2 < bytes.length; at += 1)
    if (bytes[at] === 0xff && bytes[at + 1] === kind && ((bytes[at + 2]! ^ rate!) & mask) === 0) return at;
  return bytes.length;
}

// ── wav ───────────────────────────────────────────────────────────────────────────────────────────

async function* wavSlices(file: Blob, head: Uint8Array, bytes: number): AsyncGenerator<ArrayBuffer> {
  const view = new DataView(head.buffer);
  let [at, block] = [12, 1];
  while (at + 8 <= head.length && text(head, at) !== "data") {
    if (text(head, at) === "fmt ") block = view.getUint16(at + 8 + 12, true) || 1;
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  if (at + 8 > head.length) return;
  const step = Math.max(block, Math.floor(bytes / block) * block);
  for (let start = at + 8; start < file.size; start += step) {
    const piece = file.slice(start, Math.min(start + step, file.size));
    const header = head.slice(0, at + 8);
    const sizes = new DataView(header.buffer);
    sizes.setUint32(4, at + piece.size, true);
    sizes.setUint32(at + 4, piece.size, true);
    yield new Blob([header, piece]).arrayBuffer();
  }
}
