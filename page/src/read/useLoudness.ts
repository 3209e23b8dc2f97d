/** How loud the open recording is: as it was kept, or decoded now and kept with the text. */
import { useEffect, useState } from "preact/hooks";
import type { RecordingRow } from "../store/database";
import { changeRow } from "../store/recordings";
import { packPeaks, readLoudness, unpackPeaks } from "./peaks";

/** Seconds; shorter ones are decoded sooner than they are worth keeping. */
const WORTH_KEEPING = 15 * 60;

export function useLoudness(row: RecordingRow, file: Blob, duration: number): Float32Array | null {
  const [peaks, setPeaks] = useState<Float32Array | null>(null);
  useEffect(() => {
    if (row.loudness) return setPeaks(unpackPeaks(row.loudness));
    const controller = new AbortController();
    void readLoudness(file, duration, controller.signal, setPeaks).then((found) => {
      if (controller.signal.aborted || !found) return;
      setPeaks(found);
      if (duration > WORTH_KEEPING) void changeRow(row.jobId, { loudness: packPeaks(found) });
    });
    return () => controller.abort();
  }, [row, file, duration]);
  return peaks;
}
