/** Draws a recording along its length: loudness where it is known, else where words are; pauses stay empty. */
import { type Paragraph } from "../model/transcript";

/** Where speech is: 1 in each of `count` stretches in which a word sounds, else 0. Pure. */
export function speechOf(paragraphs: readonly Paragraph[], duration: number, count: number): Float32Array {
  const speech = new Float32Array(count);
  if (!(duration > 0)) return speech;
  for (const { words } of paragraphs)
    for (const { start, end } of words) {
      const to = Math.min(count - 1, Math.floor((end / duration) * count));
      for (let i = Math.floor((start / duration) * count); i <= to; i += 1) speech[i] = 1;
    }
  return speech;
}

/** Pixels; a bar and the gap behind it. */
const BAR = 2;
const STEP = 3;

export const barCount = (canvas: HTMLCanvasElement): number => Math.max(1, Math.floor(canvas.clientWidth / STEP));

export type Picture = { speech: Float32Array; peaks: Float32Array | null }; // NaN: not known yet

/** @param played 0 to 1 */
export function draw(canvas: HTMLCanvasElement, { speech, peaks }: Picture, played: number): void {
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const [past, future] = [style.getPropertyValue("--accent"), style.getPropertyValue("--bar")];
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  for (let i = 0; i < speech.length; i += 1) {
    const known = peaks?.[i] ?? NaN;
    const size = Math.max(2, height * (Number.isNaN(known) ? speech[i]! * 0.55 : known));
    context.fillStyle = i / speech.length < played ? past : future;
    context.fillRect(i * STEP, (height - size) / 2, BAR, size);
  }
}
