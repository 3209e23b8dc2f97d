/** A recording in which the engine wrote no word: what to try, and who speaks when where that is known. */
import { useEffect, useState } from "preact/hooks";
import { useSignal } from "../app/signal";
import { turnsOf } from "../model/turns";
import type { OpenText } from "../read/openText";
import type { Player } from "../read/player";
import { readOriginal } from "../store/recordings";
import { useMessages } from "../text/language";
import { clockTime } from "../text/quantities";
import { textOf } from "./text";

export function EmptyText({ open, player }: { open: OpenText; player: Player }) {
  const text = textOf(useMessages().language);
  const wordless = useSignal(open.wordless);
  const turns = turnsOf({ ...open.whole, wordless });
  if (!useIsOfEngine(open.row.jobId)) return null;
  return (
    <>
      <p class="notice">{text.noWords}</p>
      <p class="dim">{text.hint}</p>
      {turns.length > 0 && (
        <p class="marks">
          {text.turns}
          {turns.map(({ speaker, start, end }) => (
            <button key={`${start} ${speaker}`} type="button" class="plain wrap" onClick={() => player.playFrom(start)}>
              {clockTime(start)}–{clockTime(end)} <bdi>{speaker}</bdi>
            </button>
          ))}
        </p>
      )}
    </>
  );
}

/** Whether the engine wrote nothing, as far as this browser knows; else a person has taken the words away. */
function useIsOfEngine(jobId: string): boolean {
  const [isOfEngine, setOfEngine] = useState(false);
  useEffect(() => {
    void readOriginal(jobId)
      .catch(() => null)
      .then((original) => setOfEngine(!original?.text));
  }, [jobId]);
  return isOfEngine;
}
