/** What the engine wrote and the server left out, for those who want to know. */
import { useEffect, useState } from "preact/hooks";
import { readOriginal } from "../store/recordings";
import { useMessages } from "../text/language";
import { clockTime } from "../text/quantities";

type Line = { start: number; text: string };

export function SuppressedLines({ jobId }: { jobId: string }) {
  const text = useMessages();
  const [lines, setLines] = useState<readonly Line[]>([]);
  useEffect(() => {
    void readOriginal(jobId)
      .catch(() => null)
      .then((original) => setLines((original as { suppressed?: Line[] } | null)?.suppressed ?? []));
  }, [jobId]);
  if (lines.length === 0) return null;
  return (
    <details class="suppressed">
      <summary>{`${text.suppressed} (${lines.length})`}</summary>
      <p class="dim">{text.suppressedHint}</p>
      {lines.map(({ start, text: words }, index) => (
        <p key={index} class="wrap" dir="auto">
          <span class="dim">{clockTime(start)}</span> {words}
        </p>
      ))}
    </details>
  );
}
