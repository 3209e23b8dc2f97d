/** The texts of Convex's rows on their way into this browser's store, from where they are read, corrected and taken away. */
import { readTranscript } from "../../../web/src/browser/convexTranscript";
import { readAnswer } from "../model/answer";
import { lettersOf } from "../model/letters";
import { isSameNames } from "../model/speakers";
import { removeAudio } from "../store/audio";
import type { RecordingRow } from "../store/database";
import { removeMarks } from "../store/marks";
import { changeRow, keepResult, readText, removeRecording, saveText } from "../store/recordings";
import { messages } from "../text/language";
import type { ListedJob, Rows } from "./rows";

export class Texts {
  /** @param brought the version of each text that was asked for */
  constructor(
    private readonly rows: Rows,
    private readonly brought: Map<string, number>,
  ) {}

  /** A text of another device becomes one of this browser. */
  async bring({ jobId, createdAt, filename }: ListedJob): Promise<void> {
    const found = await this.#read(jobId);
    if (!found) return;
    const labels = { filename: filename ?? messages().fromLink, isListed: true, isCopy: true };
    await keepResult({ jobId, createdAt, etag: found.etag, ...labels }, found.transcript);
  }

  /** A newer version of a text that is here, unless a person has corrected it here meanwhile. */
  async renew({ jobId }: ListedJob): Promise<void> {
    const found = await this.#read(jobId);
    const stored = found && (await readText(jobId));
    if (!stored || stored.row.isUnsent) return;
    const { wordless, warnings, ...text } = readAnswer(found.transcript);
    const isSame = lettersOf(text) === lettersOf(stored) && isSameNames(text.names, stored.row.names ?? {});
    const change = { etag: found.etag, wordless, warnings };
    if (isSame) await changeRow(jobId, change);
    else await saveText(jobId, text, { ...change, editedAt: Date.now() });
  }

  /** A copy goes with its row: who deleted it on another device wants it nowhere. */
  async check({ jobId }: RecordingRow): Promise<void> {
    if (await this.rows.read(jobId)) return;
    await Promise.all([removeRecording(jobId), removeAudio(jobId)]);
    removeMarks(jobId);
  }

  /** Notes that Convex has a row for it. */
  list({ jobId }: RecordingRow): Promise<void> {
    return changeRow(jobId, { isListed: true });
  }

  async #read(jobId: string) {
    const row = await this.rows.read(jobId);
    if (!row) return null;
    this.brought.set(jobId, row.seq);
    const transcript = await readTranscript(row).catch(warn);
    return transcript && { transcript, etag: `"${row.seq}"` };
  }
}

/** One text that cannot be read keeps no other from coming. */
function warn(error: unknown): null {
  console.warn("The text of a row in Convex is unreadable.", error);
  return null;
}
