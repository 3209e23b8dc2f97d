/** The way to the recorder on the first view, and the recordings that are kept; small, since it is loaded at once. */
import { useEffect, useState } from "preact/hooks";
import { Part } from "../app/Part";
import { isRecording } from "../app/recordingNow";
import { recordLink } from "../app/route";
import { useSignal } from "../app/signal";
import { useMessages } from "../text/language";

const loadKeptList = async () => (await import("./KeptList")).KeptList;

export function RecordLink() {
  const text = useMessages();
  const isRunning = useSignal(isRecording);
  return (
    <a class={isRunning ? "button recording" : "button"} href={recordLink}>
      {isRunning ? text.recordingNow : text.record}
    </a>
  );
}

export function KeptRecordings() {
  const [hasSome, setSome] = useState(false);
  useEffect(() => void hasFolders().then(setSome), []);
  return hasSome ? <Part load={loadKeptList} props={{}} /> : null;
}

/** Whether any recording lies in the browser's file system. */
async function hasFolders(): Promise<boolean> {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("record");
    return !(await folder.keys().next()).done;
  } catch {
    return false; // there never was one, or this browser keeps nothing
  }
}
