/** Names of the files that are taken away: of any recording's name, one that every system can store. Pure. */

const LONGEST = 80;

export function baseName(filename: string): string {
  const clean = filename
    .replace(/\.[a-z0-9]{1,5}$/i, "")

    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .replace(/^[.\s]+|[.\s]+$/g, "");
  return Array.from(clean).slice(0, LONGEST).join("").trim() || "escriba";
}

export const fileName = (filename: string, format: string): string =>
  `${baseName(filename)}${format === "times" ? ".times.txt" : `.${format}`}`;

/** A second file of the same name gets a number. */
export function uniqueNamer(): (name: string) => string {
  const used = new Set<string>();
  return (name) => {
    let unique = name;
    for (let number = 2; used.has(unique.toLowerCase()); number++) unique = `${name} (${number})`;
    used.add(unique.toLowerCase());
    return unique;
  };
}
