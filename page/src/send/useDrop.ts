/** Files that are dropped anywhere on the page. */
import { useEffect, useState } from "preact/hooks";

type Take = (files: readonly File[], folders: readonly string[]) => void;

/** Returns whether files are being dragged over the page. */
export function useDrop(take: Take): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // or the browser opens the file instead of the page
      setOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      take(...divide(event.dataTransfer));
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}

/** The files, and the names of folders: a browser passes those on as files that can't be read. */
function divide(dropped: DataTransfer | null): [File[], string[]] {
  const items = [...(dropped?.items ?? [])].filter(({ kind }) => kind === "file");
  const isFolder = (item: DataTransferItem) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
  const files = (wanted: boolean) =>
    items.filter((item) => isFolder(item) === wanted).flatMap((item) => item.getAsFile() ?? []);
  return [files(false), files(true).map(({ name }) => name)];
}
