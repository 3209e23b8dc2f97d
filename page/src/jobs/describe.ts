/** A job in words: its state, and the numbers behind it. Pure. */
import type { Transcription } from "../../../web/src/browser/transcription";
import type { Messages } from "../text/en";
import { clockTime, localeOf, stretch } from "../text/quantities";
import { fractionOf, phaseOf, remaining } from "./phase";

type Surroundings = { duration: number | null; now: number; text: Messages & { language: string } };

export function describe(job: Transcription, { duration, now, text }: Surroundings): { state: string; detail: string } {
  const phase = phaseOf(job);
  if (phase === "sending") return { state: text.sending(Math.floor((job.uploaded ?? 0) * 100)), detail: "" };
  if (phase === "waiting") return { state: waiting(job, now, text), detail: "" };
  if (phase !== "hearing") return { state: text[phase], detail: phase === "prepare" ? elapsed(job, now, text) : "" };
  const left = remaining(fractionOf(job, duration), secondsSince(job.startedAt, now));
  return {
    state: hearing(job, duration, text),
    detail: [elapsed(job, now, text), left && text.left(stretch(left.low), stretch(left.high))]
      .filter(Boolean)
      .join(" · "),
  };
}

function hearing({ heardSeconds, chunks }: Transcription, duration: number | null, text: Messages): string {
  if (heardSeconds !== null && duration)
    return text.heardOf(clockTime(Math.min(heardSeconds, duration)), clockTime(duration));
  if (heardSeconds !== null) return text.heard(clockTime(heardSeconds));
  return chunks?.total && chunks.total > 1 ? text.piecesOf(chunks.done, chunks.total) : text.hearing;
}

function waiting({ waitingUntil }: Transcription, now: number, text: Messages & { language: string }): string {
  const until = waitingUntil ?? now;
  const clock = new Intl.DateTimeFormat(localeOf(text.language), { hour: "2-digit", minute: "2-digit" }).format(until);
  return text.waiting(clock, clockTime(Math.max(0, (until - now) / 1_000)));
}

function elapsed({ startedAt }: Transcription, now: number, text: Messages): string {
  const seconds = secondsSince(startedAt, now);
  return seconds >= 1 ? text.since(clockTime(seconds)) : "";
}

/** The server's clock and this one may differ: then it begins at 0. */
const secondsSince = (time: number | null, now: number): number =>
  time === null ? 0 : Math.max(0, (now - time) / 1_000);
