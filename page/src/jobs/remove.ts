/** Deletes a recording with a way back, instead of a question before it. */
import { showToast } from "../app/toastQueue";
import { shorten } from "../send/checks";
import { messages } from "../text/language";
import { finishDeletion, hide, restore } from "./pageJobs";

export function remove(jobId: string, filename: string): void {
  hide(jobId);
  showToast({
    text: () => messages().deleted(shorten(filename)),
    action: { label: () => messages().undo, run: () => restore(jobId) },
    onEnd: () => void finishDeletion(jobId),
  });
}
