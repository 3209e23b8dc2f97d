/** Which files are not worth sending, by the server's own limits, and the sentence that says why. Pure. */
import type { Limits } from "../server/limits";
import type { Messages } from "../text/en";
import type { Language } from "../text/language";
import { clockTime, fileSize, stretch } from "../text/quantities";

export type Candidate = { name: string; size: number; type: string };

/** Why a file is not sent, in the page's language at the time when it is read. */
export type Reason = (text: Messages & { language: Language }) => string;

/** Null where the file may be sent. What the server does not say is not checked; its contents decide in the end. */
export function refusal(file: Candidate, limits: Limits | null): Reason | null {
  const name = shorten(file.name);
  const { size } = file;
  if (size === 0) return (text) => text.empty(name);
  if (limits && size > limits.maxJobUploadBytes)
    return (text) =>
      text.tooLarge(name, fileSize(size, text.language), fileSize(limits.maxJobUploadBytes, text.language));
  return isRecording(file, limits?.extensions) ? null : (text) => text.notAudio(name);
}

export function lengthRefusal(name: string, seconds: number, limits: Limits | null): Reason | null {
  if (!limits || seconds <= limits.maxAudioSeconds) return null;
  const most = limits.maxAudioSeconds;
  const write = stretch(seconds) === stretch(most) ? clockTime : stretch; // "lasts 4 h; takes up to 4 h" says nothing
  return (text) => text.tooLong(shorten(name), write(seconds), write(most));
}

function isRecording({ name, type }: Candidate, extensions: readonly string[] | undefined): boolean {
  if (/^(audio|video)\//.test(type) || type === "application/ogg") return true;
  const extension = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1]?.toLowerCase();
  if (extension && extensions) return extensions.includes(extension);
  return type === "" || type === "application/octet-stream";
}

/** Marks that turn the letters behind them around: in a sentence, the sentence's own. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name as it stands in a sentence: as long as a line, since one of 3,000 letters would be all that is seen. */
export function shorten(name: string): string {
  const clean = name.replace(TURNS, "");
  return clean.length <= 80 ? clean : `${clean.slice(0, 50)}…${clean.slice(-25)}`;
}

/** The end of a text that fits into so many bytes of UTF-8: the engine reads the end of a longer one. */
export function fitsInto(text: string, bytes: number): boolean {
  return new TextEncoder().encode(text).length <= bytes;
}

/** The address that a person pasted; null where it is none that the server could fetch. */
export function parseLink(text: string): string | null {
  try {
    const url = new URL(text.trim());
    return /^https?:$/.test(url.protocol) && url.hostname ? url.href : null;
  } catch {
    return null;
  }
}
