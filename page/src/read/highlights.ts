/** Marks words by the CSS Custom Highlight API: no element is added, and the text stays one node a paragraph. */

export type Mark = "playing" | "unsure" | "found" | "found-now";

/** A browser without it shows no marks; all else works. */
export function mark(name: Mark, ranges: Iterable<Range | null>): void {
  if (!("highlights" in CSS)) return;
  const found = [...ranges].filter((range) => range !== null);
  if (found.length === 0) CSS.highlights.delete(name);
  else CSS.highlights.set(name, new Highlight(...found));
}

export function unmarkAll(): void {
  for (const name of ["playing", "unsure", "found", "found-now"] as const) mark(name, []);
}
