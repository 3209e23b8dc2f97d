/** Takes files that another app shares with this one: into the queue, from which a page sends them with its options. */
import { randomUuid } from "../../../web/src/browser/random";
import { putRow } from "../queue/rows";
import { keepAudio, removeAudio } from "../store/audio";

/** The manifest's name of the field. https://w3c.github.io/web-share-target/ */
const FIELD = "recordings";

/** Resolves to the page, which says so where a file was not taken. */
export async function takeShared(request: Request, page: URL): Promise<Response> {
  const isTaken = isOwn(request, page) && (await takeAll(request).catch(() => false));
  return Response.redirect(isTaken ? page.href : new URL("?shared=lost", page).href, 303);
}

/** Another site's form could send its files with this person's key. A share of the system has no referrer. */
const isOwn = ({ referrer, destination }: Request, page: URL): boolean =>
  destination === "document" && (/^(about:client)?$/.test(referrer) || new URL(referrer).origin === page.origin);

async function takeAll(request: Request): Promise<boolean> {
  const entries = (await request.formData()).getAll(FIELD);
  const files = entries.filter((entry): entry is File => entry instanceof File && entry.size > 0);
  const taken = [];
  for (const file of files) taken.push(await take(file));
  return taken.length > 0 && taken.every(Boolean);
}

/** False where the browser has no place for it. */
async function take(file: File): Promise<boolean> {
  const jobId = randomUuid();
  if (!(await keepAudio(jobId, file))) {
    await removeAudio(jobId);
    return false;
  }
  const { name: filename, size: sizeBytes } = file;
  await putRow({ jobId, filename, sizeBytes, createdAt: Date.now(), options: null, isSent: false });
  return true;
}
