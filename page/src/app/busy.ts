/** Whether some tab must not be interrupted: it holds a lock that the browser gives back when the tab dies. */
import { isRecording } from "./recordingNow";

const NAME = "escriba-busy";

/** Holds off a newer page until it is called. */
export function holdBusy(): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  void navigator.locks?.request(NAME, { mode: "shared" }, () => released);
  return () => release();
}

/** Runs `work` where no tab is busy; resolves to whether it did. */
export const whileIdle = (work: () => void): Promise<boolean> =>
  navigator.locks.request(NAME, { ifAvailable: true }, (lock) => {
    if (lock) work();
    return lock !== null;
  });

let release: (() => void) | null = null;

isRecording.subscribe(() => {
  release?.();
  release = isRecording.value ? holdBusy() : null;
});
