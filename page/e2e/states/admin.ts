/** The states of the owner's dashboard, at a server where a job waits and a receiver of callbacks does not answer. */
import { readFile } from "node:fs/promises";
import { recording } from "../environment";
import type { State, Visit } from "./table";

/** A job that has ended, and of which nobody takes the news. */
async function endJob({ strict, adminKey }: Visit["servers"]): Promise<void> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const form = new FormData();
  form.append("file", new Blob([await readFile(recording("spanish-busy.wav"))]), "cola.wav");
  form.append("callbackUrl", "http://127.0.0.1:9/transcripciones/terminadas");
  const sent = await fetch(`${strict}/transcribe-job`, { method: "POST", body: form, headers });
  const { jobId } = (await sent.json()) as { jobId: string };
  await fetch(`${strict}/job/${jobId}`, { method: "DELETE", headers });
}

async function signIn({ page, servers }: Visit): Promise<void> {
  await endJob(servers);
  await page.goto(`${servers.strict}/admin`);
  await page.locator(".sign-in input[type=password]").fill(servers.adminKey);
  await page.keyboard.press("Enter");
  await page.locator('[data-connection="live"]').waitFor();
  await page.locator(".tile").first().waitFor();
}

const show =
  (view: string, shown: string) =>
  async ({ page }: Visit) => {
    await page.locator(`.tabs a[href="#/admin/${view}"]`).click();
    await page.locator(`.tabs a[href="#/admin/${view}"][aria-current]`).waitFor();
    await page.locator(shown).first().waitFor();
  };

async function showDeliveries(visit: Visit): Promise<void> {
  await show("jobs", "[data-job]")(visit);
  await visit.page.locator("[data-delivery]").waitFor();
}

async function openKeyForm({ page }: Visit): Promise<void> {
  await page.locator(".admin .main").first().click();
  await page.locator(".key-form").waitFor();
}

async function makeKey({ page }: Visit): Promise<void> {
  await page.locator(".key-form input").first().fill("La biblioteca");
  await page.locator(".key-form button[type=submit]").click();
  await page.locator(".once").waitFor();
}

async function askToRevoke({ page }: Visit): Promise<void> {
  await page.locator(".once button").last().click();
  await page.locator(".card .actions button").last().click();
  await page.locator("dialog[open]").waitFor();
}

const showLog = async (visit: Visit) => {
  await visit.page.keyboard.press("Escape");
  await show("log", "td")(visit);
};

async function pause({ page }: Visit): Promise<void> {
  await page.locator(".pause input").fill("Se cambia el disco. Vuelve a las seis.");
  await page.keyboard.press("Enter");
  await page.locator(".notice.pause").waitFor();
}

export const adminStates: readonly State[] = [
  { name: "admin-now", reach: signIn },
  { name: "admin-paused", reach: pause },
  { name: "admin-history", reach: show("history", ".chart") },
  { name: "admin-jobs", reach: showDeliveries },
  { name: "admin-keys", reach: show("keys", ".card") },
  { name: "admin-key-form", reach: openKeyForm },
  { name: "admin-key-made", reach: makeKey },
  { name: "admin-revoke", reach: askToRevoke },
  { name: "admin-log", reach: showLog },
];
