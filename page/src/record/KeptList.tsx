/** The recordings that lie in this browser and are no text: each becomes one, is taken away, or is deleted. */
import { useEffect } from "preact/hooks";
import { useNow } from "../app/clock";
import { useSignal } from "../app/signal";
import { useMessages } from "../text/language";
import { moment } from "../text/quantities";
import type { KeptRecording } from "./kept";
import { deleteKept, downloadKept, kept, refreshKept, sendKept } from "./session";
import { useRecordMessages } from "./text";

export function KeptList() {
  const own = useRecordMessages();
  const all = useSignal(kept);
  useEffect(() => void refreshKept(), []);
  if (all.length === 0) return null;
  return (
    <section class="kept" aria-labelledby="kept">
      <h2 id="kept">{own.found}</h2>
      <p class="dim">{own.foundHint}</p>
      <ul class="cards">
        {all.map((one) => (
          <Kept key={one.id} one={one} />
        ))}
      </ul>
    </section>
  );
}

function Kept({ one }: { one: KeptRecording }) {
  const own = useRecordMessages();
  const { language } = useMessages();
  const name = moment(one.startedAt, language, useNow(false));
  return (
    <li class="card" data-job={one.id}>
      <div class="card-head">
        <strong>{`${own.filename} · ${name}`}</strong>
        <span class="dim">{own.foundOne(one.seconds, one.sizeBytes)}</span>
      </div>
      <div class="record-buttons">
        <button type="button" class="main" aria-label={`${own.makeText}: ${name}`} onClick={() => void sendKept(one)}>
          {own.makeText}
        </button>
        <button type="button" aria-label={`${own.download}: ${name}`} onClick={() => void downloadKept(one)}>
          {own.download}
        </button>
        <button type="button" aria-label={`${own.remove}: ${name}`} onClick={() => deleteKept(one)}>
          {own.remove}
        </button>
      </div>
    </li>
  );
}
