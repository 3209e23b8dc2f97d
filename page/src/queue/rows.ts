/**
 * The recordings that the API has not accepted yet, in IndexedDB: the page and the service worker both send from here.
 * The bytes lie in the file system of the browser (`store/audio.ts`) under the same job id.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { TranscriptionOptions } from "../../../web/src/browser/client";

export type QueueRow = {
  jobId: string;
  filename: string;
  sizeBytes: number;
  createdAt: number;
  /** Null where no page has chosen them yet: another app has shared the file with this one. */
  options: TranscriptionOptions | null;
  /** It belongs to an access key, without which it would be anybody's: the service worker, which has none, waits. */
  hasOwner?: boolean;
  /** The service worker has sent it, and no page knows that yet. */
  isSent: boolean;
};

interface Schema extends DBSchema {
  rows: { key: string; value: QueueRow };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

const database = () =>
  (opened ??= openDB<Schema>("escriba-queue", 1, {
    upgrade: (db) => void db.createObjectStore("rows", { keyPath: "jobId" }),
    terminated: () => (opened = undefined),
  }));

/** Oldest first. Rejects where the browser keeps nothing, or does not answer. */
export async function readRows(): Promise<QueueRow[]> {
  return (await (await database()).getAll("rows")).sort((a, b) => a.createdAt - b.createdAt);
}

/** The same; none where they cannot be read. */
export const listRows = (): Promise<QueueRow[]> => readRows().catch(() => []);

export async function putRow(row: QueueRow): Promise<void> {
  await (await database()).put("rows", row);
}

export async function removeRow(jobId: string): Promise<void> {
  await (await database()).delete("rows", jobId);
}
