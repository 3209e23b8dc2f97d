/** Marks the word that sounds and keeps it in sight, until the person scrolls away. */
import { type Signal, signal } from "../app/signal";
import { findAt, type Paragraph } from "../model/transcript";
import { mark } from "./highlights";
import type { TextDom } from "./textDom";

export class Follower {
  /** Whether the text scrolls with the sound. */
  readonly isFollowing: Signal<boolean> = signal(true);
  #shown = "";

  constructor(
    private readonly dom: TextDom,
    private readonly paragraphs: () => readonly Paragraph[],
  ) {}

  /** Called in each frame: it does nothing while the word is the same. */
  show(time: number, isPlaying: boolean): void {
    const place = findAt(this.paragraphs(), time);
    const key = place ? `${place.paragraph}.${place.word}` : "";
    if (key === this.#shown) return;
    this.#shown = key;
    const word = place && this.paragraphs()[place.paragraph]?.words[place.word];
    const range = place && word ? this.dom.range(place.paragraph, word.at, word.length) : null;
    mark("playing", [range]);
    if (isPlaying && range && this.isFollowing.value) scrollTo(range);
  }

  /** After the text was changed: its ranges are new. */
  refresh(time: number): void {
    this.#shown = "";
    this.show(time, false);
  }
}

// The part of the window in which a word is well in sight.
const TOP = 0.12;
const BOTTOM = 0.62;

/** Brings a range into the middle of the window where it is not in sight; behind the search nothing is. */
export function scrollTo(range: Range): void {
  const { top, bottom } = range.getBoundingClientRect();
  const search = document.querySelector(".find")?.getBoundingClientRect().bottom ?? 0;
  if (top >= Math.max(innerHeight * TOP, search) && bottom <= innerHeight * BOTTOM) return;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isNear = Math.abs(top) < 2 * innerHeight;
  window.scrollTo({ top: scrollY + top - innerHeight * 0.3, behavior: isNear && !isCalm ? "smooth" : "instant" });
}
