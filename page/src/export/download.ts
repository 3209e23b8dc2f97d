/** Gives files to the person: downloads and the clipboard. */
import { baseName, fileName, uniqueNamer } from "./fileNames";
import { mediaTypeOf, type Source, TEXT_FORMATS, type TextFormat, write } from "./formats";
import type { ZippedFile } from "./zip";

export type Format = TextFormat | "docx" | "zip";

export const FORMATS: readonly Format[] = [...TEXT_FORMATS.slice(0, 3), "docx", ...TEXT_FORMATS.slice(3), "zip"];

export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}

export async function download(format: Format, source: Source): Promise<void> {
  save(await make(format, source), fileName(source.filename, format));
}

async function make(format: Format, source: Source): Promise<Blob> {
  if (format === "docx") return (await import("./docx")).writeDocx(source);
  if (format === "zip") return (await import("./zip")).writeZip(allFiles(source));
  return new Blob([write(format, source)], { type: mediaTypeOf(format) });
}

async function* allFiles(source: Source, folder = ""): AsyncGenerator<ZippedFile> {
  for (const format of TEXT_FORMATS) yield [folder + fileName(source.filename, format), write(format, source)];
  yield [folder + fileName(source.filename, "docx"), await make("docx", source)];
}

/** Every text in a folder of its own. */
export async function downloadZip(sources: AsyncIterable<Source>, name: string): Promise<void> {
  const nameOf = uniqueNamer();
  async function* files(): AsyncGenerator<ZippedFile> {
    for await (const source of sources) yield* allFiles(source, `${nameOf(baseName(source.filename))}/`);
  }
  save(await (await import("./zip")).writeZip(files()), name);
}

/** Without HTTPS a page has no clipboard of its own: then the old way. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
