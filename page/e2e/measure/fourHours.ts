/** Four hours for the figures: a text of 40,000 words in the page's own store, and a recording. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { ffmpeg, recording } from "../environment";

export const WORDS = 40_000;
export const JOB = "00000000-0000-4000-8000-000000000001";

/** A transcript of four hours in the page's own store, as if it had been made here. */
export const fillStore = (page: Page) =>
  page.evaluate(
    async ([count, jobId]) => {
      const lexicon = "the of and recording meeting decided tomorrow because question answer very long important".split(
        " ",
      );
      const paragraphs = Array.from({ length: count / 70 }, (_, p) => {
        const chosen = Array.from({ length: 70 }, (_, i) => lexicon[(p * 7 + i * 5) % lexicon.length]!);
        const numbers = new Float64Array(70 * 5);
        let at = 0;
        chosen.forEach((word, i) => {
          const start = ((p * 70 + i) / count) * 14_400;
          numbers.set([at, word.length, start, start + 0.3, i % 12 === 0 ? 1 : 0], i * 5);
          at += word.length + 1;
        });
        return { text: chosen.join(" "), numbers };
      });
      const db = await new Promise<IDBDatabase>((resolve) => {
        const opening = indexedDB.open("escriba-page");
        opening.onsuccess = () => resolve(opening.result);
      });
      const transaction = db.transaction(["recordings", "texts"], "readwrite");
      const row = { jobId, filename: "four hours.mp3", createdAt: Date.now(), duration: 14_400, language: "en" };
      transaction
        .objectStore("recordings")
        .put({ ...row, excerpt: "", wordCount: count, editedAt: 0, etag: null, isUnsent: false });
      transaction.objectStore("texts").put({ jobId, paragraphs });
      await new Promise((resolve) => (transaction.oncomplete = resolve));
    },
    [WORDS, JOB] as [number, string],
  );

const SPEECH = ["spanish-busy.wav", "spanish-directory.wav", "spanish-queue.wav", "spanish-no-service.wav"];

/** Speech of the tests as mp3, one after the other for four hours: 29 MB. */
export async function makeFourHours(folder: string): Promise<string> {
  const inputs = SPEECH.flatMap((name) => ["-i", recording(name)]);
  const once = path.join(folder, "once.mp3");
  const filter = ["-filter_complex", `concat=n=${SPEECH.length}:v=0:a=1`, "-b:a", "16k", "-write_xing", "0"];
  await promisify(execFile)(await ffmpeg(), ["-loglevel", "error", ...inputs, ...filter, "-id3v2_version", "0", once]);
  const sound = await readFile(once);
  const target = path.join(folder, "four hours.mp3");
  await writeFile(
    target,
    Buffer.concat(Array.from({ length: Math.ceil((14_400 * 2_000) / sound.length) }, () => sound)),
  );
  return target;
}
