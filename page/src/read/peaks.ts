/** How loud a recording is along its length, for the picture of it; only of recordings that fit into memory decoded. */

// Decoded at 8 kHz, so much takes at most 58 MB for a while.
const LONGEST = 15 * 60;
const LARGEST = 100 * 1024 * 1024;
const RATE = 8_000;

/** Values from 0 to 1; null where the recording is too long, or the browser cannot decode it. */
export async function readPeaks(file: Blob, duration: number, count: number): Promise<Float32Array | null> {
  if (!(duration > 0) || duration > LONGEST || file.size > LARGEST) return null;
  try {
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
    return peaksOf(sound.getChannelData(0), count);
  } catch {
    return null;
  }
}

export function peaksOf(samples: Float32Array, count: number): Float32Array {
  const peaks = new Float32Array(count);
  const width = samples.length / count;
  let loudest = 1e-4;
  for (let i = 0; i < count; i += 1) {
    let peak = 0;
    for (let at = Math.floor(i * width); at < (i + 1) * width; at += 1)
      peak = Math.max(peak, Math.abs(samples[at] ?? 0));
    peaks[i] = peak;
    loudest = Math.max(loudest, peak);
  }
  return peaks.map((peak) => peak / loudest);
}
