/** Where recordings can be cut, by format: mp3, AAC as a stream (adts), flac, ogg, webm and Matroska. */

/** A piece begins at bytes like `mark`; `mask` has the bits that must agree, all where it has none. */
export type Cut = { head: Uint8Array<ArrayBuffer>; start: number; mark: Uint8Array; mask: readonly number[] };

/** Bytes in which the head of a recording must end; a picture in its tags may be most of it. */
const LONGEST_HEAD = 1024 * 1024;

export async function read(file: Blob, from: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.slice(from, from + length).arrayBuffer());
}

export const textAt = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Behind an ID3 tag, whose length has seven bits a byte: https://id3.org/id3v2.4.0-structure */
export async function soundStart(file: Blob): Promise<number> {
  const tag = await read(file, 0, 10);
  if (!textAt(tag, 0).startsWith("ID3")) return 0;
  return 10 + tag.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 127), 0);
}

/** Null where the format cannot be cut. */
export async function cutOf(file: Blob, start: number): Promise<Cut | null> {
  const head = await read(file, start, LONGEST_HEAD);
  const name = textAt(head, 0);
  if (name === "fLaC") return cutFlac(file, start, head);
  if (name === "OggS") return cutOgg(start, head);
  if (name === "\x1a\x45\xdf\xa3") return cutWebm(start, head);
  return head[0] === 0xff && (head[1]! & 0xe0) === 0xe0 ? cutFrames(start, head) : null;
}

/** A frame's header is like the first one: of layer III its rate agrees, of AAC its profile and rate, too. */
function cutFrames(start: number, head: Uint8Array): Cut {
  const isAac = (head[1]! & 0x06) === 0; // layer 0
  return { head: new Uint8Array(), start, mark: head.slice(0, 3), mask: [0xff, 0xff, isAac ? 0xfc : 0x0c] };
}

/** Of the metadata only STREAMINFO is needed, which then is the last block: https://www.rfc-editor.org/rfc/rfc9639 */
async function cutFlac(file: Blob, start: number, bytes: Uint8Array<ArrayBuffer>): Promise<Cut> {
  const head = bytes.slice(0, 42);
  head[4]! |= 0x80;
  let [at, isLast] = [start + 4, false];
  while (!isLast && at < file.size) {
    const [kind, high, middle, low] = await read(file, at, 4);
    isLast = (kind! & 0x80) !== 0;
    at += 4 + high! * 65_536 + middle! * 256 + low!;
  }
  // All frames have the block size, the rate and the sample size of the first; how channels are joined changes.
  return { head, start: at, mark: await read(file, at, 4), mask: [0xff, 0xff, 0xff, 0x0f] };
}

/** The pages of the codec's headers end no sample: their position is 0. https://www.rfc-editor.org/rfc/rfc3533 */
function cutOgg(start: number, bytes: Uint8Array<ArrayBuffer>): Cut | null {
  let at = 0;
  for (const view = new DataView(bytes.buffer); at + 27 <= bytes.length && textAt(bytes, at) === "OggS";) {
    if (view.getBigInt64(at + 6, true) > 0n) return { ...between(start, bytes, at), mark: bytes.slice(0, 5), mask: [] };
    const segments = bytes.subarray(at + 27, at + 27 + bytes[at + 26]!);
    at += 27 + segments.length + segments.reduce((sum, size) => sum + size, 0);
  }
  return null;
}

/** A cluster has all that its sound needs, at most 33 seconds: https://www.rfc-editor.org/rfc/rfc9559 */
function cutWebm(start: number, bytes: Uint8Array<ArrayBuffer>): Cut | null {
  const mark = Uint8Array.of(0x1f, 0x43, 0xb6, 0x75);
  let at = bytes.indexOf(mark[0]!);
  while (at >= 0 && !mark.every((byte, i) => bytes[at + i] === byte)) at = bytes.indexOf(mark[0]!, at + 1);
  return at < 0 ? null : { ...between(start, bytes, at), mark, mask: [] };
}

const between = (start: number, bytes: Uint8Array<ArrayBuffer>, at: number) => ({
  head: bytes.slice(0, at),
  start: start + at,
});
