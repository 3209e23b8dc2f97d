/**
 * Cuts a long recording into pieces that a browser decodes one at a time, so that hours take the memory of a minute. Each
 * format has a mark at which a piece may begin; what stands before the first is put before each. Others are not cut.
 */
import { type Cut, cutOf, read, soundStart, textAt } from "./cuts";

/** Bytes behind a piece in which the next mark nearly always is. */
const WINDOW = 64 * 1024;
/** Bytes; a file of which so many have no mark is not cut. */
const LONGEST_PIECE = 64 * 1024 * 1024;

/** Each piece is a file that can be decoded; nothing where the format cannot be cut. */
export async function* slicesOf(file: Blob, bytes: number): AsyncGenerator<ArrayBuffer> {
  const start = await soundStart(file);
  const head = await read(file, start, WINDOW);
  if (textAt(head, 0) === "RIFF" && textAt(head, 8) === "WAVE") return yield* wavSlices(file, head, bytes);
  const cut = await cutOf(file, start);
  if (cut) yield* markedSlices(file, cut, bytes);
}

async function* markedSlices(file: Blob, cut: Cut, bytes: number): AsyncGenerator<ArrayBuffer> {
  let { start } = cut;
  while (start < file.size) {
    const piece = await readPiece(file, start, bytes, cut);
    start += piece.length;
    const whole = new Uint8Array(cut.head.length + piece.length);
    whole.set(cut.head);
    whole.set(piece, cut.head.length);
    yield whole.buffer;
  }
}

/** From one mark to the first that is `bytes` or more behind it, or to the end: by one reading, since each costs a call. */
async function readPiece(file: Blob, start: number, bytes: number, cut: Cut): Promise<Uint8Array> {
  for (let length = bytes + WINDOW; length <= LONGEST_PIECE; length *= 2) {
    const found = await read(file, start, length);
    const end = findMark(found, bytes, cut);
    if (end >= 0) return found.subarray(0, end);
    if (start + found.length >= file.size) return found;
  }
  throw new RangeError("The recording cannot be cut.");
}

/** -1 where there is none. */
function findMark(bytes: Uint8Array, from: number, { mark, mask }: Cut): number {
  for (let at = from; at + mark.length <= bytes.length; at += 1) if (isMark(bytes, at, mark, mask)) return at;
  return -1;
}

function isMark(bytes: Uint8Array, at: number, mark: Uint8Array, mask: readonly number[]): boolean {
  for (let i = 0; i < mark.length; i += 1) if (((bytes[at + i]! ^ mark[i]!) & (mask[i] ?? 0xff)) !== 0) return false;
  return true;
}

async function* wavSlices(file: Blob, head: Uint8Array, bytes: number): AsyncGenerator<ArrayBuffer> {
  const view = new DataView(head.buffer);
  let [at, block] = [12, 1];
  while (at + 8 <= head.length && textAt(head, at) !== "data") {
    if (textAt(head, at) === "fmt ") block = view.getUint16(at + 8 + 12, true) || 1;
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
