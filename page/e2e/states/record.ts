/** The states of the recorder: before it runs, refused, while it runs, and the recordings that are kept. */
import type { State, Visit } from "./table";

async function openRecorder({ page, servers }: Visit): Promise<void> {
  await page.goto(`${servers.open}/#/record`);
  await page.locator(".record .main").waitFor();
}

/** This Chromium shows no question, so the refusal is put in its place. What live text costs is shown, too. */
async function refuseMicrophone({ page }: Visit): Promise<void> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
  });
  await page.locator(".record input[type=checkbox]").check();
  await page.locator(".record .main").click();
  await page.locator(".record .problem").waitFor();
  await page.locator(".record input[type=checkbox]").uncheck();
}

async function record({ page }: Visit): Promise<void> {
  await page.evaluate(() => Reflect.deleteProperty(navigator.mediaDevices, "getUserMedia"));
  await page.locator(".record .main").click();
  await page.locator('[data-phase="recording"] .clock', { hasText: /[1-9]$/ }).waitFor();
  await page.locator(".record-buttons button").nth(1).click(); // a mark
}

async function pause({ page }: Visit): Promise<void> {
  await page.locator(".record-buttons button").first().click();
  await page.locator('[data-phase="paused"]').waitFor();
}

async function keep({ page }: Visit): Promise<void> {
  await page.locator(".record-buttons button").last().click();
  await page.locator(".kept .card").waitFor();
}

export const recordStates: readonly State[] = [
  { name: "recorder", reach: openRecorder },
  { name: "recorder-refused", reach: refuseMicrophone },
  { name: "recording", reach: record },
  { name: "recording-paused", reach: pause },
  { name: "recording-kept", reach: keep },
];
