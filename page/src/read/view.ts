/** What the parts of the reader share: the text, its place on the screen, the player, and what marks words. */
import { type Signal, signal } from "../app/signal";
import { findAt, startOf } from "../model/transcript";
import { messages } from "../text/language";
import { clockTime } from "../text/quantities";
import { Editor } from "./editor";
import { type Hit } from "./find";
import { Follower, scrollTo } from "./follow";
import { mark, unmarkAll } from "./highlights";
import type { OpenText } from "./openText";
import { keepPlace } from "./place";
import type { Player } from "./player";
import { TextDom } from "./textDom";

export class View {
  readonly dom: TextDom;
  readonly editor: Editor;
  readonly follower: Follower;
  /** A click corrects instead of playing. */
  readonly isCorrecting: Signal<boolean> = signal(false);
  readonly isFinding: Signal<boolean> = signal(false);
  /** The paragraph whose speaker is being named. */
  readonly naming: Signal<number | null> = signal<number | null>(null);
  readonly isShowingKeys: Signal<boolean> = signal(false);
  #hits: readonly Hit[] = [];
  #currentHit = -1;
  #showsUnsure = false;

  constructor(
    readonly text: OpenText,
    readonly player: Player,
  ) {
    const container = document.createElement("div");
    container.className = "text";
    this.dom = new TextDom(container, messages(), text.names);
    this.follower = new Follower(this.dom, () => text.paragraphs);
    const label = (paragraph: Parameters<typeof startOf>[0]) => messages().paragraphAt(clockTime(startOf(paragraph)));
    this.editor = new Editor(this.dom, text, label);
    this.dom.render(text.paragraphs);
  }

  /** Begins to follow the text and the sound. Returns how to stop. */
  watch(): () => void {
    const ends = [
      this.text.onChange((change) => {
        keepPlace(this.dom, change, () => this.dom.apply(change));
        if (change.names) this.dom.rename(change.names.after, this.text.paragraphs);
        this.follower.refresh(this.player.time);
        this.#markUnsure();
      }),
      this.player.onTime((time) => this.follower.show(time, this.player.state.value.isPlaying)),
    ];
    return () => {
      for (const end of ends) end();
      unmarkAll();
    };
  }

  playFrom(paragraph: number, word: number): void {
    const start = this.text.paragraphs[paragraph]?.words[word]?.start;
    if (start === undefined) return;
    this.follower.isFollowing.set(true);
    this.player.playFrom(start);
  }

  /** The paragraph that a tool works on: that which sounds, else the one chosen last, else the first in sight. */
  get current(): number {
    const { time, state } = this.player;
    const sounding = state.value.isPlaying && findAt(this.text.paragraphs, time);
    return sounding ? sounding.paragraph : this.dom.chosenInSight();
  }

  showHits(hits: readonly Hit[], current: number): void {
    this.#hits = hits;
    this.#currentHit = current;
    const ranges = hits.map(({ paragraph, at, length }) => this.dom.range(paragraph, at, length));
    mark("found", ranges);
    mark("found-now", [ranges[current] ?? null]);
    const range = ranges[current];
    if (range) scrollTo(range);
  }

  get hits(): { hits: readonly Hit[]; current: number } {
    return { hits: this.#hits, current: this.#currentHit };
  }

  showUnsure(isShown: boolean): void {
    this.#showsUnsure = isShown;
    this.#markUnsure();
  }

  /** Goes to the next phrase that the engine was unsure of; false where there is none. */
  nextUnsure(): boolean {
    const phrases = this.text.paragraphs.flatMap(({ words }, paragraph) =>
      words.flatMap((word, i) =>
        word.isUnsure && !words[i - 1]?.isUnsure ? [{ paragraph, word: i, start: word.start }] : [],
      ),
    );
    const next = phrases.find(({ start }) => start > this.player.time + 0.05) ?? phrases[0];
    if (!next) return false;
    this.player.seek(next.start);
    const { at, length } = this.text.paragraphs[next.paragraph]!.words[next.word]!;
    const range = this.dom.range(next.paragraph, at, length);
    if (range) scrollTo(range);
    return true;
  }

  #markUnsure(): void {
    if (!this.#showsUnsure) return mark("unsure", []);
    const ranges = this.text.paragraphs.flatMap(({ words }, paragraph) =>
      words.filter(({ isUnsure }) => isUnsure).map(({ at, length }) => this.dom.range(paragraph, at, length)),
    );
    mark("unsure", ranges);
  }
}
