/** What the person marked while recording: each mark is heard at a click. */
import { useMemo } from "preact/hooks";
import { readMarks } from "../store/marks";
import { useMessages } from "../text/language";
import { clockTime } from "../text/quantities";
import type { Player } from "./player";

export function MarkList({ jobId, player }: { jobId: string; player: Player }) {
  const text = useMessages();
  const marks = useMemo(() => readMarks(jobId), [jobId]);
  if (marks.length === 0) return null;
  return (
    <p class="dim marks">
      {text.marks}
      {marks.map((mark) => (
        <button key={mark} type="button" class="plain" onClick={() => player.seek(mark)}>
          {clockTime(mark)}
        </button>
      ))}
    </p>
  );
}
