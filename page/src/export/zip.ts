/** Files → one zip, one after the other; the library is loaded when somebody asks for one. */
import { strToU8, Zip, ZipDeflate, ZipPassThrough } from "fflate";

export type ZippedFile = readonly [name: string, content: string | Blob];

/** In this thread, with a breath between files: a worker's script would be a blob, which the page's policy forbids. */
export async function writeZip(files: AsyncIterable<ZippedFile>): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let problem: Error | null = null;
  const out = new Zip((error, chunk) => {
    problem ??= error;
    chunks.push(chunk as Uint8Array<ArrayBuffer>);
  });
  for await (const [name, content] of files) {
    // A docx is a zip already.
    const entry = typeof content === "string" ? new ZipDeflate(name) : new ZipPassThrough(name);
    out.add(entry);
    entry.push(typeof content === "string" ? strToU8(content) : new Uint8Array(await content.arrayBuffer()), true);
    await new Promise((resolve) => setTimeout(resolve));
  }
  out.end();
  if (problem) throw problem;
  return new Blob(chunks, { type: "application/zip" });
}
