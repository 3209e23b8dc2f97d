/** Find and replace within a text; the words of the person's vocabulary are offered as replacements. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../app/Icon";
import { useSignal } from "../app/signal";
import { showToast } from "../app/toastQueue";
import { replaceAll } from "../model/editing";
import { preferences } from "../store/preferences";
import { messages, useMessages } from "../text/language";
import { findAll, type Hit } from "./find";
import type { View } from "./view";
import { vocabularyWords } from "./vocabulary";

export function FindBar({ view }: { view: View }) {
  const text = useMessages();
  const input = useRef<HTMLInputElement>(null);
  const [search, setSearch] = useState("");
  const [current, setCurrent] = useState(0);
  const hits = useHits(view, search);
  const before = useFocusAtOnce(input);
  useEffect(() => setCurrent(0), [search]);
  useEffect(() => view.showHits(hits, hits.length > 0 ? current % hits.length : -1), [hits, current]);
  useEffect(() => () => view.showHits([], -1), []);
  const close = () => leave(view, before.current);
  const step = (by: number) => setCurrent((current + by + hits.length) % Math.max(1, hits.length));
  return (
    <div class="find panel" role="search" onKeyDown={(event) => leaveAtEscape(event, close)}>
      <input
        ref={input}
        type="search"
        aria-label={text.findHint}
        placeholder={text.findHint}
        onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        onKeyDown={(event) => press(event, step)}
      />
      <span class="dim" role="status">
        {search.trim() && text.findCount(hits.length > 0 ? (current % hits.length) + 1 : 0, hits.length)}
      </span>
      <button type="button" class="icon" aria-label={text.previous} onClick={() => step(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="icon" aria-label={text.next} onClick={() => step(1)}>
        <Icon name="down" />
      </button>
      <button type="button" class="icon" aria-label={text.close} onClick={close}>
        <Icon name="close" />
      </button>
      <Replace view={view} hits={hits} />
    </div>
  );
}

/** What had the focus before. At once: letters typed right after Ctrl F are searched for, and are no keys of the text. */
function useFocusAtOnce(input: RefObject<HTMLInputElement | null>): RefObject<Element | null> {
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    before.current = document.activeElement;
    input.current?.focus();
  }, []);
  return before;
}

function press(event: KeyboardEvent, step: (by: number) => void): void {
  if (event.key !== "Enter") return;
  step(event.shiftKey ? -1 : 1);
  event.preventDefault();
}

function leaveAtEscape(event: KeyboardEvent, close: () => void): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  close();
}

/** The focus goes to the paragraph of what was found, or back to where it came from. */
function leave(view: View, before: Element | null): void {
  const { hits, current } = view.hits;
  const hit = hits[current];
  if (hit) view.dom.focusable(hit.paragraph);
  const back = before && before !== document.body ? before : document.querySelector(".toolbar [aria-expanded]");
  ((hit && view.dom.paragraph(hit.paragraph)) ?? (back as HTMLElement | null))?.focus({ preventScroll: true });
  view.isFinding.set(false);
}

/** Found anew when the text changes. */
function useHits(view: View, search: string): readonly Hit[] {
  const [hits, setHits] = useState<readonly Hit[]>([]);
  useEffect(() => {
    const find = () => setHits(findAll(view.text.paragraphs, search));
    find();
    return view.text.onChange(find);
  }, [view, search]);
  return hits;
}

function Replace({ view, hits }: { view: View; hits: readonly Hit[] }) {
  const text = useMessages();
  const [value, setValue] = useState("");
  const { vocabulary } = useSignal(preferences);
  const replace = (event: Event) => {
    event.preventDefault();
    const change = replaceAll(view.text.paragraphs, hits, value);
    if (!change) return;
    view.editor.end();
    view.text.do(change);
    const count = hits.length;
    showToast({ text: () => messages().replaced(count) });
  };
  return (
    <form class="replace" onSubmit={replace}>
      <input
        aria-label={text.replaceWith}
        placeholder={text.replaceWith}
        value={value}
        list="vocabulary-words"
        onInput={({ currentTarget }) => setValue(currentTarget.value)}
      />
      <datalist id="vocabulary-words" aria-label={text.fromVocabulary}>
        {vocabularyWords(vocabulary).map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
      <button type="submit" disabled={hits.length === 0}>
        {text.replace}
      </button>
    </form>
  );
}
