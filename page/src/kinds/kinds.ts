/** What a file is that holds no recording, by its first bytes: the same rules as `common/audio/file_kind.py`. */
import type { Language } from "../text/language";
import * as texts from "./text";

const HEAD_BYTES = 1_024;
const TEXT = String.raw`^(?:\xef\xbb\xbf)?\s*`;
const XML = String.raw`${TEXT}(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*`;

const KINDS: readonly (readonly [string, texts.WrongKind])[] = [
  [String.raw`${TEXT}(?:#EXTM3U|\[playlist\]|ffconcat version)`, "playlist"],
  [String.raw`${TEXT}(?:WEBVTT\b|\[Script Info\]|\d+\s*\r?\n\d+:\d\d:\d\d[,.]\d+ *-->)`, "subtitles"],
  [String.raw`^(?:\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF.{4}WEBP)`, "picture"],
  [String.raw`^.{4}ftyp(?:heic|heix|mif1|msf1|avif)`, "picture"],
  [`${XML}<svg\\b`, "picture"],
  [String.raw`^(?:PK\x03\x04|Rar!|7z\xbc\xaf\x27\x1c|\x1f\x8b|BZh|\xfd7zXZ\0|\x28\xb5\x2f\xfd|.{257}ustar)`, "archive"],
  [String.raw`^(?:%PDF|\xd0\xcf\x11\xe0|\{\\rtf)`, "document"],
  [`${XML}<(?:!DOCTYPE html|html)\\b`, "document"],
];

/** Null for a kind that is not known: the server decides. */
export function kindOf(head: Uint8Array): texts.WrongKind | null {
  const text = String.fromCharCode(...head.subarray(0, HEAD_BYTES)); // a letter a byte
  return KINDS.find(([pattern]) => new RegExp(pattern, "is").test(text))?.[1] ?? null;
}

/** A sentence in the language in which it is read. */
type Reason = (page: { language: Language }) => string;

const reason =
  (key: keyof typeof texts.en, name: string): Reason =>
  ({ language }) =>
    texts[language][key](name);

export const refuseFolder = (name: string): Reason => reason("folder", name);

/** Resolves to why the file is not sent; null where it may be a recording. */
export async function refuseKind(file: File, name: string): Promise<Reason | null> {
  try {
    const kind = kindOf(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
    return kind && reason(kind, name);
  } catch {
    return reason("unreadable", name);
  }
}
