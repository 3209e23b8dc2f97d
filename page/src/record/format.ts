/** What the browser's recorder writes, and how its files are named. Pure. */

/** The first that the browser can write: Chrome and Firefox the first, Safari mp4. */
const CANDIDATES = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/ogg;codecs=opus"];

/** Speech in Opus is as well understood at 48 kbit/s as at any more; four hours are 86 MB. */
export const BITS_PER_SECOND = 48_000;

/** Null where the browser cannot record at all. */
export const chooseMimeType = (isSupported: (mimeType: string) => boolean): string | null =>
  CANDIDATES.find(isSupported) ?? null;

export function extensionOf(mimeType: string): string {
  if (mimeType.includes("mp4")) return "m4a";
  return mimeType.includes("ogg") ? "ogg" : "webm";
}

/** "Recording 2026-11-29 10.42.webm": sorts by time, and holds no letter that a file system refuses. */
export function filenameOf(word: string, startedAt: number, mimeType: string): string {
  const at = new Date(startedAt);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${word} ${date} ${two(at.getHours())}.${two(at.getMinutes())}.${extensionOf(mimeType)}`;
}
