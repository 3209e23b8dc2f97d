/** All texts that are listed, in every format, as one zip. */
import { downloadZip } from "../export/download";
import type { Source } from "../export/formats";
import { marksOf } from "../export/marks";
import { withNames } from "../model/speakers";
import type { RecordingRow } from "../store/database";
import { readText } from "../store/recordings";

export const downloadAll = (rows: readonly RecordingRow[]): Promise<void> => downloadZip(sources(rows), "escriba.zip");

async function* sources(rows: readonly RecordingRow[]): AsyncGenerator<Source> {
  const { turnsOf } = await import("../model/turns");
  for (const { jobId, filename, language, duration, names = {} } of rows) {
    const stored = await readText(jobId);
    const marks = marksOf(jobId);
    if (!stored) continue;
    const text = { paragraphs: stored.paragraphs, names, wordless: stored.row.wordless ?? [] };
    yield { filename, language, duration, paragraphs: withNames(text), turns: turnsOf(text), marks };
  }
}
