/** Where a person chooses recordings, or drops them, and says which language they are in. */
import { type DragEvent, useId, useState } from "react";
import type { PersistentTranscription } from "escriba/react";
import type { Messages } from "./messages";

/** Each language by its own name, so that a person finds theirs. */
const SPOKEN_LANGUAGES = {
  es: "Español",
  en: "English",
  ca: "Català",
  gl: "Galego",
  eu: "Euskara",
  pt: "Português",
  fr: "Français",
  de: "Deutsch",
  it: "Italiano",
};

export function FileChooser({ messages, start }: { messages: Messages } & Pick<PersistentTranscription, "start">) {
  const [language, setLanguage] = useState("");
  const [isDraggedOver, setDraggedOver] = useState(false);
  const startAll = (files: FileList | null) => {
    for (const file of files ?? []) start(file, language ? { language } : {});
  };
  const onDrag = (isOver: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setDraggedOver(isOver);
    if (event.type === "drop") startAll(event.dataTransfer.files);
  };
  return (
    <section
      className={isDraggedOver ? "choose over" : "choose"}
      onDragOver={onDrag(true)}
      onDragLeave={onDrag(false)}
      onDrop={onDrag(false)}
    >
      <label className="button">
        {messages.choose}
        <input
          type="file"
          accept="audio/*,video/*"
          multiple
          onChange={({ target }) => (startAll(target.files), (target.value = ""))}
        />
      </label>
      <span className="drop">{messages.drop}</span>
      <LanguageSelect {...{ messages, language, setLanguage }} />
    </section>
  );
}

type SelectProps = { messages: Messages; language: string; setLanguage: (language: string) => void };

function LanguageSelect({ messages, language, setLanguage }: SelectProps) {
  const id = useId();
  return (
    <span className="spoken">
      <label htmlFor={id}>{messages.spokenLanguage}</label>
      <select id={id} value={language} onChange={({ target }) => setLanguage(target.value)}>
        <option value="">{messages.detectLanguage}</option>
        {Object.entries(SPOKEN_LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}
