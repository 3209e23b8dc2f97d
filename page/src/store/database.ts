/**
 * The texts of this browser in IndexedDB, without account: a small row for each in `recordings`, for the list, and all
 * of its text in `texts`. A browser that forbids or fills its store is named as such, and nothing is lost in silence.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { ApiTranscript } from "../model/paragraphs";
import type { Names } from "../model/speakers";
import type { Warning } from "../model/warnings";
import type { Wordless } from "../model/wordless";
import type { PackedParagraph } from "./packing";

export type RecordingRow = {
  jobId: string;
  filename: string;
  createdAt: number;
  duration: number;
  language: string | null;
  /** The first words, for the list. */
  excerpt: string;
  wordCount: number;
  /** When a person last corrected it; 0 for never. */
  editedAt: number;
  /** The API's ETag of the text that it has. */
  etag: string | null;
  /** Corrections that the API has not taken yet. */
  isUnsent: boolean;
  /** How loud it is along its length; kept of long recordings, which take a while to decode. */
  loudness?: Uint8Array;
  /** The names of speakers; none where nobody gave any. */
  names?: Names;
  /** Where somebody speaks without words, as far as the API has found it. */
  wordless?: readonly Wordless[];
  /** What a person should know of the text; absent where an older page has stored it. */
  warnings?: readonly Warning[];
  /** Convex has, or had, a row for it. */
  isListed?: boolean;
  /** It came from another device through Convex, and goes when its row does. */
  isCopy?: boolean;
};

export type TextRow = { jobId: string; paragraphs: readonly PackedParagraph[] };

/** The engine's own text, which no correction changes. */
export type OriginalRow = { jobId: string; original: ApiTranscript };

interface Schema extends DBSchema {
  recordings: { key: string; value: RecordingRow; indexes: { createdAt: number } };
  texts: { key: string; value: TextRow };
  originals: { key: string; value: OriginalRow };
}

export type Database = IDBPDatabase<Schema>;

let opened: Promise<Database> | undefined;

export const database = (): Promise<Database> =>
  (opened ??= openDB<Schema>("escriba-page", 1, {
    upgrade(db) {
      db.createObjectStore("recordings", { keyPath: "jobId" }).createIndex("createdAt", "createdAt");
      db.createObjectStore("texts", { keyPath: "jobId" });
      db.createObjectStore("originals", { keyPath: "jobId" });
    },
    terminated: () => (opened = undefined),
  }));
