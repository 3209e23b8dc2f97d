/** How long a recording lasts, as far as the browser can say; null where it cannot. */

/** Milliseconds; a browser that has not found it by then will not. */
const LONGEST = 10_000;

export function readDuration(file: Blob): Promise<number | null> {
  const url = URL.createObjectURL(file);
  const audio = document.createElement("audio");
  return new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), LONGEST);
    const finish = (value: number | null) => (clearTimeout(timer), resolve(value));
    audio.preload = "metadata";
    // A recording from a browser's microphone has no length in its head.
    audio.onloadedmetadata = () => finish(Number.isFinite(audio.duration) ? audio.duration : null);
    audio.onerror = () => finish(null);
    audio.src = url;
  }).finally(() => {
    audio.removeAttribute("src");
    audio.load();
    URL.revokeObjectURL(url);
  });
}
