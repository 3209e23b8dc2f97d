/**
 * Recordings that a person deleted and may want back: for a moment they are only out of sight. What a page that was
 * closed meanwhile left over, the next one deletes.
 */

const KEY = "escriba:page:deleted";

export function readDeleted(): string[] {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

export const markDeleted = (jobId: string): void => write([...new Set([...readDeleted(), jobId])]);

export const unmarkDeleted = (jobId: string): void => write(readDeleted().filter((id) => id !== jobId));

function write(ids: string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(ids));
  } catch {
    // Then a page that is closed within the moment deletes nothing, which can be done again.
  }
}

/** Deleted recordings whose rows in Convex are to be removed; there only where the page lists them. See `convex/`. */
export const ROWS_TO_REMOVE = "escriba:page:convex:removed";

export function noteRowToRemove(jobId: string): void {
  try {
    const ids = localStorage.getItem(ROWS_TO_REMOVE);
    if (ids !== null) localStorage.setItem(ROWS_TO_REMOVE, JSON.stringify([...(JSON.parse(ids) as string[]), jobId]));
  } catch (error) {
    console.warn("The row in Convex stays.", error);
  }
}
