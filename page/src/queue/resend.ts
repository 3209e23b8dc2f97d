/** Tries again and again to send what waits for the network, in growing pauses; the browser's `online` hurries it. */
import { transcriptions } from "../jobs/transcriptions";
import { readLimits } from "../server/limits";
import { hasLostNetwork, pauseBefore } from "./network";
import { sendAgain } from "./queue";

let attempt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

const lost = () => transcriptions.state.jobs.filter((job) => job.status === "pending" && hasLostNetwork(job));

function schedule(): void {
  if (lost().length === 0) attempt = 0;
  else timer ??= setTimeout(() => void resend(), pauseBefore(attempt));
}

/** A short question first: an upload that fails again would show each time that it begins. */
async function resend(): Promise<void> {
  timer = undefined;
  attempt += 1;
  if (await readLimits()) for (const { jobId } of lost()) sendAgain(jobId);
  schedule();
}

function hurry(): void {
  clearTimeout(timer);
  attempt = 0;
  void resend();
}

/** Returns how to stop. */
export function startResending(): () => void {
  const stop = transcriptions.subscribe(schedule);
  addEventListener("online", hurry);
  schedule();
  return () => {
    stop();
    removeEventListener("online", hurry);
    clearTimeout(timer);
    timer = undefined;
  };
}
