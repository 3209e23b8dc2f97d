/** Recordings that the system opens with the installed page. */
import { useEffect } from "preact/hooks";

/** https://wicg.github.io/web-app-launch/; only Chromium has it. */
type LaunchQueue = { setConsumer(consumer: (launch: { files?: readonly FileSystemFileHandle[] }) => void): void };

export function useLaunch(take: (files: readonly File[]) => void): void {
  useEffect(() => {
    const { launchQueue } = globalThis as { launchQueue?: LaunchQueue };
    launchQueue?.setConsumer(({ files = [] }) => {
      void Promise.all(files.map((handle) => handle.getFile())).then((all) => all.length > 0 && take(all));
    });
  }, []);
}
