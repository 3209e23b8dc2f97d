/** The states of the first view: sending, jobs in progress and ended, the history. */
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { choose, recording } from "../environment";
import { makeSpeech } from "../speech";
import type { State, Visit } from "./table";

const ENOUGH = { timeout: 240_000 };

/** A recording that no test before has sent: equal ones are answered from the cache at once. */
async function newSpeech(seconds: number): Promise<Buffer> {
  const speech = await makeSpeech(seconds);
  speech.writeInt16LE(Math.floor(Math.random() * 30_000), 60);
  return speech;
}

const sendBytes = (page: Page, name: string, mimeType: string, buffer: Buffer) =>
  choose(page, { name, mimeType, buffer });

const shown = (page: Page, selector: string) => page.locator(selector).first().waitFor(ENOUGH);

async function dragOver({ page }: Visit): Promise<void> {
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["sound"], "charla.mp3", { type: "audio/mpeg" }));
    dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await shown(page, ".drop.over");
}

async function refuse({ page }: Visit): Promise<void> {
  await page.evaluate(() => dispatchEvent(new DragEvent("dragleave", { relatedTarget: null })));
  await sendBytes(page, "vacío.mp3", "audio/mpeg", Buffer.alloc(0));
  await shown(page, ".drop .problem");
}

async function refuseLink({ page }: Visit): Promise<void> {
  await page.locator(".drop .problem button").click();
  await page.locator(".link input").fill("mi grabación");
  await page.keyboard.press("Enter");
  await shown(page, ".problem-line:not(:empty)");
}

/** The bytes leave as slowly as over a bad line. */
async function send({ page, cdp }: Visit): Promise<void> {
  await page.locator(".link input").fill("");
  await throttle(cdp, 20_000);
  await sendBytes(page, "Reunión del lunes.wav", "audio/wav", await newSpeech(60));
  await shown(page, '[data-phase="sending"] progress');
}

const throttle = async (cdp: Visit["cdp"], uploadThroughput: number) => {
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput,
  });
};

/** The browser loses its copy of the recording before all of it is at the server. */
async function loseFile({ page }: Visit): Promise<void> {
  await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    await root.removeEntry("recordings", { recursive: true });
  });
  await page.reload();
  await shown(page, '[data-phase="needsFile"]');
}

/** The server stands still at its first words, so that the card does not change while it is looked at. */
async function hear({ page, cdp, servers }: Visit): Promise<void> {
  await throttle(cdp, -1);
  const speech = { name: "Reunión del lunes.wav", mimeType: "audio/wav", buffer: await newSpeech(60) };
  await page.locator('[data-phase="needsFile"] input[type=file]').setInputFiles(speech);
  await shown(page, ".live");
  servers.freeze();
}

async function cancel({ page, servers }: Visit): Promise<void> {
  servers.thaw();
  await page.locator('[data-phase="hearing"] .actions button').click();
  await shown(page, '[data-phase="cancelled"]');
}

async function failAtSound({ page }: Visit): Promise<void> {
  await sendBytes(page, "sin sonido.mp3", "audio/mpeg", Buffer.from("nothing"));
  await shown(page, ".card.failed .problem");
}

/** The address is the server's own: it fetches from none of its neighbours. */
async function failAtLink({ page }: Visit): Promise<void> {
  await page.locator(".link input").fill("http://127.0.0.1:9/charla.mp3");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator(".card .problem").count(), ENOUGH).toBeGreaterThan(1);
}

async function finish({ page }: Visit): Promise<void> {
  await choose(page, recording("english.flac"));
  await shown(page, ".row");
}

/** Copies in the browser's own store of a text that it has got. */
async function fillHistory({ page }: Visit): Promise<void> {
  await page.context().setOffline(false);
  await expect.poll(() => page.locator(".row").count(), ENOUGH).toBe(2); // its equal is known: the server answers at once
  await page.evaluate(async () => {
    const request = indexedDB.open("escriba-page");
    const db = await new Promise<IDBDatabase>((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
    const stores = db.transaction(["recordings", "texts"], "readwrite");
    const [rows, texts] = [stores.objectStore("recordings"), stores.objectStore("texts")];
    const all = <T>(store: IDBObjectStore) =>
      new Promise<T>((resolve) => {
        const read = store.getAll();
        read.onsuccess = () => resolve(read.result as T);
      });
    const [[row], [text]] = await Promise.all([all<[object]>(rows), all<[object]>(texts)]);
    const names = ["Entrevista a la vecina del quinto sobre las obras.m4a", "2026-11-03 Consejo.mp3", "مقابلة.ogg"];
    for (let i = 0; i < 60; i += 1) {
      const jobId = crypto.randomUUID();
      const filename = i % 10 === 9 ? `${"grabación_sin_espacios_".repeat(8)}.wav` : names[i % 3]!;
      rows.put({ ...row, jobId, filename, createdAt: Date.now() - i * 40_000_000, editedAt: i % 4 ? 0 : 1 });
      texts.put({ ...text, jobId });
    }
    await new Promise((resolve) => (stores.oncomplete = resolve));
    db.close();
  });
  await page.reload();
  await expect.poll(() => page.locator(".row").count()).toBe(50);
  await page.locator("#history").scrollIntoViewIfNeeded();
}

const search =
  (words: string, found: number) =>
  async ({ page }: Visit) => {
    await page.locator(".filters input").fill(words);
    await expect.poll(() => page.locator(".row").count(), ENOUGH).toBe(found);
    await shown(page, ".found:not(:empty)");
  };

async function remove({ page }: Visit): Promise<void> {
  await page.locator(".row button").first().click();
  await page.locator(".toast button.plain").last().focus(); // a notice stays while it has the focus
}

async function goOffline({ page }: Visit): Promise<void> {
  await page.locator(".toast button.plain").last().click();
  await page.context().setOffline(true);
  await shown(page, ".notice");
  await page.evaluate(() => scrollTo(0, 0));
}

async function waitForNetwork({ page }: Visit): Promise<void> {
  await choose(page, recording("english.flac"));
  await shown(page, '[data-phase="waitsForNetwork"]');
}

export const homeStates: readonly State[] = [
  { name: "empty", reach: ({ page }) => shown(page, ".drop > .dim:not(:empty)") },
  { name: "options", reach: ({ page }) => page.locator(".options summary").click() },
  {
    name: "dragging",
    reach: async (visit) => {
      await visit.page.locator(".options summary").click();
      await dragOver(visit);
    },
  },
  { name: "refused", reach: refuse },
  { name: "link-refused", reach: refuseLink },
  { name: "sending", reach: send },
  { name: "needs-file", reach: loseFile },
  { name: "hearing", reach: hear },
  { name: "cancelled", reach: cancel },
  { name: "failed-sound", reach: failAtSound },
  { name: "failed-link", reach: failAtLink },
  { name: "history-one", reach: finish },
  { name: "deleted", reach: remove },
  { name: "offline", reach: goOffline },
  { name: "waits-for-network", reach: waitForNetwork },
  { name: "history-many", reach: fillHistory },
  { name: "search-found", reach: search("vecina", 18) },
  { name: "search-none", reach: search("zzz", 0) },
];
