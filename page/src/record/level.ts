/** Loudness as a person sees it. Pure: the time is passed in, in milliseconds. */

/** Decibels below full scale at which the meter begins; a quiet room is about there. */
const FLOOR = 60;

/** An effective value, 0 to 1, as a place on a scale of decibels, 0 to 1. */
export const meterPosition = (level: number): number =>
  level <= 0 ? 0 : Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / FLOOR));

/** A muted microphone gives zeros, or the noise of its own circuit. */
const SILENCE = 0.0005;

/** Milliseconds; people pause, and rooms are never this silent. */
const LONG = 6_000;

/** Whether nothing has been heard for long. */
export class SilenceWatch {
  #since: number | null = null;

  add(level: number, now: number): boolean {
    this.#since = level > SILENCE ? null : (this.#since ?? now);
    return this.#since !== null && now - this.#since > LONG;
  }
}
