/** How loud a recording is along its length, for the picture of it; of hours piece by piece, with the memory of a minute. */
import { slicesOf } from "./slices";

// Decoded whole at 8 kHz, so much takes at most 58 MB for a while.
const LONGEST_WHOLE = 15 * 60;
const LARGEST_WHOLE = 100 * 1024 * 1024;
const RATE = 8_000;
/** Seconds of a piece: a browser decodes it at the recording's own rate first, which takes up to 23 MB. */
const PIECE = 60;

/** Enough for any screen: the bars of a picture are made of several. */
export const RESOLUTION = 1_000;

/** The loudest of so many samples, evenly taken, is nearly the loudest of all that share a value. */
const ENOUGH_SAMPLES = 20_000;

/** Milliseconds. */
const LONGEST_REST = 1_000;

/** Pieces after which the picture is shown as far as it is. */
const SHOWN_AFTER = 10;

/**
 * `RESOLUTION` values; null where the browser cannot decode the recording, or where it is long and its format cannot be
 * cut. `onPart` gets the values so far, NaN for what is not decoded yet.
 */
export async function readLoudness(
  file: Blob,
  duration: number,
  signal: AbortSignal,
  onPart: (peaks: Float32Array) => void,
): Promise<Float32Array | null> {
  if (!(duration > 0)) return null;
  try {
    if (duration > LONGEST_WHOLE || file.size > LARGEST_WHOLE) return await readPieces(file, duration, signal, onPart);
    return peaksOf(await decoder()(await file.arrayBuffer()), RESOLUTION);
  } catch {
    return null;
  }
}

/** One context decodes all pieces: a new one for each costs more than what it decodes. */
function decoder(): (bytes: ArrayBuffer) => Promise<Float32Array> {
  const context = new OfflineAudioContext(1, 1, RATE);
  return async (bytes) => (await context.decodeAudioData(bytes)).getChannelData(0);
}

/** Milliseconds. Two thirds of the time are left to a page that plays meanwhile. */
const rest = (worked: number) => new Promise((resolve) => setTimeout(resolve, Math.min(2 * worked, LONGEST_REST)));

async function readPieces(
  file: Blob,
  duration: number,
  signal: AbortSignal,
  onPart: (peaks: Float32Array) => void,
): Promise<Float32Array | null> {
  const peaks = new Float32Array(RESOLUTION).fill(NaN);
  const perSecond = RESOLUTION / duration;
  const decode = decoder();
  let [seconds, count] = [0, 0];
  for await (const bytes of slicesOf(file, Math.ceil((file.size / duration) * PIECE))) {
    const began = performance.now();
    const samples = await decode(bytes);
    if (signal.aborted) return null;
    addPeaks(peaks, samples, seconds * perSecond, perSecond / RATE);
    seconds += samples.length / RATE;
    if ((count += 1) % SHOWN_AFTER === 0) onPart(normalise(peaks));
    await rest(performance.now() - began);
  }
  return count > 0 ? normalise(peaks) : null;
}

/** Puts a piece into the whole: it begins at `from`, and each sample takes `step`, both in values of `peaks`. */
export function addPeaks(peaks: Float32Array, samples: Float32Array, from: number, step: number): void {
  const stride = Math.max(1, Math.floor(1 / step / ENOUGH_SAMPLES));
  let next = 0;
  for (let at = Math.floor(from); at < peaks.length && next < samples.length; at += 1) {
    const end = Math.min(samples.length, Math.ceil((at + 1 - from) / step));
    let peak = Number.isNaN(peaks[at]) ? 0 : peaks[at]!;
    for (; next < end; next += stride) {
      const size = samples[next]! < 0 ? -samples[next]! : samples[next]!;
      if (size > peak) peak = size;
    }
    peaks[at] = peak;
  }
}

export function peaksOf(samples: Float32Array, count: number): Float32Array {
  const peaks = new Float32Array(count).fill(NaN);
  addPeaks(peaks, samples, 0, count / samples.length);
  return normalise(peaks);
}

function normalise(peaks: Float32Array): Float32Array {
  const loudest = peaks.reduce((most, peak) => (peak > most ? peak : most), 1e-4);
  return peaks.map((peak) => peak / loudest);
}

/** The loudest of the values that share a bar. */
export function reduceTo(peaks: Float32Array, count: number): Float32Array {
  const bars = new Float32Array(count).fill(NaN);
  for (let bar = 0; bar < count; bar += 1) {
    const [from, to] = [Math.floor((bar / count) * peaks.length), Math.ceil(((bar + 1) / count) * peaks.length)];
    for (const peak of peaks.subarray(from, to)) if (!(bars[bar]! >= peak)) bars[bar] = peak;
  }
  return bars;
}

// A byte a value is as much as a screen shows.
export const packPeaks = (peaks: Float32Array): Uint8Array =>
  Uint8Array.from(peaks, (peak) => Math.round((peak || 0) * 255));

export const unpackPeaks = (bytes: Uint8Array): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);
