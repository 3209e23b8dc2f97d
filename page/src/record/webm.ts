/**
 * The length of a recording in the head of its webm file. A browser's recorder writes the head before it knows it, and
 * players show no length then and cannot move. Only the head is read. https://www.rfc-editor.org/rfc/rfc9559
 */

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const DURATION = 0x4489;
const TIMESTAMP_SCALE = 0x2ad7b1;

/** Bytes; the head of a recorder's file has some hundred. */
const HEAD = 4_096;

type Element = { id: number; start: number; dataStart: number; end: number };

/** The parts of the same file with its length; the file itself where it is none that a recorder wrote. */
export async function withDuration(file: Blob, seconds: number): Promise<Blob[]> {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const info = findInfo(head);
  if (!info || !(seconds > 0)) return [file];
  const content = head.subarray(info.dataStart, info.end);
  if ([...children(head, info)].some(({ id }) => id === DURATION)) return [file];
  return [file.slice(0, info.start), new Blob([makeInfo(content, ticks(head, info, seconds))]), file.slice(info.end)];
}

/** Of a segment whose own size is open, so that it may grow. */
function findInfo(head: Uint8Array): Element | null {
  const [, segment] = [...children(head, { dataStart: 0, end: head.length })];
  if (segment?.id !== SEGMENT || segment.end !== Infinity) return null;
  for (const element of children(head, { ...segment, end: head.length })) if (element.id === INFO) return element;
  return null;
}

/** The elements one after the other, as far as they are in the head. */
function* children(head: Uint8Array, { dataStart, end }: Pick<Element, "dataStart" | "end">): Generator<Element> {
  for (let start = dataStart; start < end;) {
    const id = readNumber(head, start, true);
    const size = id && readNumber(head, start + id.length, false);
    if (!id || !size) return;
    const data = start + id.length + size.length;
    const element = { id: id.value, start, dataStart: data, end: data + size.value };
    if (element.end > head.length && size.value !== Infinity) return;
    yield element;
    start = element.end;
  }
}

/** A number whose first byte says how long it is. Of an id that mark is kept; a size of ones only means "open". */
function readNumber(bytes: Uint8Array, at: number, isId: boolean): { value: number; length: number } | null {
  const first = bytes[at];
  if (!first) return null;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return null;
  const mask = 0xff >> length;
  let value = isId ? first : first & mask;
  let isOpen = (first & mask) === mask;
  for (const byte of bytes.subarray(at + 1, at + length)) {
    value = value * 256 + byte;
    isOpen &&= byte === 0xff;
  }
  return { value: !isId && isOpen ? Infinity : value, length };
}

/** The length in the file's own unit, which is a millisecond unless it says otherwise. */
function ticks(head: Uint8Array, info: Element, seconds: number): number {
  let nanoseconds = 1_000_000;
  for (const { id, dataStart, end } of children(head, info))
    if (id === TIMESTAMP_SCALE) nanoseconds = head.subarray(dataStart, end).reduce((sum, byte) => sum * 256 + byte, 0);
  return (seconds * 1e9) / nanoseconds;
}

function makeInfo(content: Uint8Array, duration: number): Uint8Array<ArrayBuffer> {
  const size = content.length + 11;
  const info = new Uint8Array(12 + size);
  const view = new DataView(info.buffer);
  view.setUint32(0, INFO);
  view.setUint32(4, 0x01000000); // a size of eight bytes, of which four are enough
  view.setUint32(8, size);
  info.set(content, 12);
  view.setUint16(12 + content.length, DURATION);
  view.setUint8(14 + content.length, 0x88);
  view.setFloat64(15 + content.length, duration);
  return info;
}
