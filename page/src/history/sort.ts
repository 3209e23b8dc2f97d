/** The orders in which the history can be shown. Pure. */
import type { RecordingRow } from "../store/database";

export type Sort = "newest" | "name" | "longest";

export function sortRows(rows: readonly RecordingRow[], sort: Sort, language: string): RecordingRow[] {
  const { compare } = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const orders: Record<Sort, (a: RecordingRow, b: RecordingRow) => number> = {
    newest: (a, b) => b.createdAt - a.createdAt,
    name: (a, b) => compare(a.filename, b.filename) || b.createdAt - a.createdAt,
    longest: (a, b) => b.duration - a.duration || b.createdAt - a.createdAt,
  };
  return [...rows].sort(orders[sort]);
}
