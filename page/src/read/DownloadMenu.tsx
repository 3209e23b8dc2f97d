/** What a text can be downloaded as; the recording itself, too. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../app/Icon";
import { download, FORMATS, type Format, save } from "../export/download";
import { marksOf } from "../export/marks";
import { useMessages } from "../text/language";
import { sourceOf } from "./source";
import { CopyButton } from "./Toolbar";
import type { View } from "./view";

export function DownloadMenu({ view, recording }: { view: View; recording: File | null }) {
  const text = useMessages();
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => (isOpen ? closeOutside(place.current!, () => setOpen(false)) : undefined), [isOpen]);
  const choose = (format: Format) => {
    setOpen(false);
    void download(format, { ...sourceOf(view), marks: marksOf(view.text.row.jobId) });
  };
  return (
    <div class="menu" ref={place}>
      <button type="button" aria-expanded={isOpen} aria-controls="downloads" onClick={() => setOpen(!isOpen)}>
        <Icon name="download" /> <span class="label">{text.download}</span>
      </button>
      <div id="downloads" class="menu-list panel" hidden={!isOpen}>
        {FORMATS.map((format) => (
          <button key={format} type="button" class="plain" onClick={() => choose(format)}>
            {text.formats[format]}
          </button>
        ))}
        {recording && (
          <button type="button" class="plain" onClick={() => save(recording, recording.name)}>
            {text.formats.audio}
          </button>
        )}
        <CopyButton view={view} isTimed={false} />
        <CopyButton view={view} isTimed />
      </div>
    </div>
  );
}

/** Closes at a click elsewhere, and at Esc, which gives the focus back. Returns how to stop. */
function closeOutside(element: HTMLElement, close: () => void): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  document.addEventListener("pointerdown", ({ target }) => element.contains(target as Node) || close(), { signal });
  element.addEventListener(
    "focusout",
    ({ relatedTarget }) => {
      if (relatedTarget && !element.contains(relatedTarget as Node)) close();
    },
    { signal },
  );
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
      element.querySelector("button")?.focus();
    },
    { signal },
  );
  return () => controller.abort();
}
