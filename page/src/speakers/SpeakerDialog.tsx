/** Who speaks in a paragraph: a name for the speaker, another speaker for this paragraph alone, or two that are one. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Change } from "../model/editing";
import { assign, labelsOf, LONGEST_NAME, mergeSpeakers, nameOf, newLabel, rename } from "../model/speakers";
import { startOf } from "../model/transcript";
import type { View } from "../read/view";
import { useMessages } from "../text/language";
import { clockTime } from "../text/quantities";
import { textOf } from "./text";

type Props = { view: View; index: number };

export function SpeakerDialog({ view, index }: Props) {
  const messages = useMessages();
  const text = textOf(messages.language);
  const dialog = useRef<HTMLDialogElement>(null);
  const paragraph = view.text.paragraphs[index];
  useLayoutEffect(() => dialog.current?.showModal(), [index]); // of another paragraph, before this one was taken away
  const close = () => dialog.current?.close();
  const change = (made: Change | null) => {
    view.editor.end();
    if (made) view.text.do(made);
    close();
  };
  const leave = () => {
    view.naming.set(null);
    view.dom.focusable(index);
    view.dom.paragraph(index)?.focus({ preventScroll: true });
  };
  return (
    <dialog ref={dialog} class="panel speakers" aria-labelledby="speakers-title" onClose={leave}>
      <h2 id="speakers-title">{text.title(clockTime(paragraph ? startOf(paragraph) : 0))}</h2>
      {paragraph?.speaker && <Name view={view} label={paragraph.speaker} onChange={change} />}
      <Here view={view} index={index} onChange={change} />
      {paragraph?.speaker && <Same view={view} label={paragraph.speaker} onChange={change} />}
      <p class="dim">{text.splitHint}</p>
      <button type="button" onClick={close}>
        {messages.close}
      </button>
    </dialog>
  );
}

type PartProps = { view: View; onChange: (made: Change | null) => void };

function Name({ view, label, onChange }: PartProps & { label: string }) {
  const text = textOf(useMessages().language);
  const shown = nameOf(view.text.names, label);
  const [name, setName] = useState(shown === label ? "" : shown);
  const save = (event: Event) => {
    event.preventDefault();
    onChange(rename(view.text, label, name));
  };
  return (
    <form onSubmit={save}>
      <label>
        {text.name(shown)}
        <input
          value={name}
          maxLength={LONGEST_NAME}
          placeholder={text.nameHint}
          dir="auto"
          autoComplete="off"
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <button type="submit" class="main">
        {text.save}
      </button>
    </form>
  );
}

/** One button a name: labels of one name are one speaker. */
function Here({ view, index, onChange }: PartProps & { index: number }) {
  const text = textOf(useMessages().language);
  const { paragraphs, wordless } = view.text;
  const current = paragraphs[index]?.speaker;
  return (
    <div role="group" aria-labelledby="speakers-here">
      <p id="speakers-here">{text.here}</p>
      <div class="choices">
        {speakersOf(view, current).map(([label, name]) => (
          <button
            key={label}
            type="button"
            dir="auto"
            class="wrap"
            aria-pressed={label === current}
            onClick={() => onChange(assign(paragraphs, index, label))}
          >
            {name}
          </button>
        ))}
        <button type="button" onClick={() => onChange(assign(paragraphs, index, newLabel(paragraphs, wordless)))}>
          {text.another}
        </button>
      </div>
    </div>
  );
}

function Same({ view, label, onChange }: PartProps & { label: string }) {
  const text = textOf(useMessages().language);
  const own = nameOf(view.text.names, label);
  const others = speakersOf(view, label).filter(([, name]) => name !== own);
  if (others.length === 0) return null;
  return (
    <label>
      {text.same(own)}
      <select value="" onChange={({ currentTarget }) => onChange(mergeSpeakers(view.text, label, currentTarget.value))}>
        <option value="">{text.alone}</option>
        {others.map(([other, name]) => (
          <option key={other} value={other}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A label of each name with the name; of the current one's name its own label. */
function speakersOf({ text }: View, current: string | undefined): Array<[label: string, name: string]> {
  const found = new Map<string, string>();
  for (const label of labelsOf(text.paragraphs)) {
    const name = nameOf(text.names, label);
    if (!found.has(name) || label === current) found.set(name, label);
  }
  return [...found].map(([name, label]) => [label, name]);
}
