import { type DragEvent, useEffect, useId, useRef, useState } from "react";
import { api } from "../convex/_generated/api";
import { usePersistentTranscription } from "../src/usePersistentTranscription";
import { Recording } from "./Recording";
import { type Language, WORDS, preferred } from "./messages";

/** Names in their own language, as a person looks for theirs. */
const SPOKEN = {
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

export function Page({ apiUrl, hasConvex }: { apiUrl: string; hasConvex: boolean }) {
  const [language, setLanguage] = useState<Language>(preferred);
  const [spoken, setSpoken] = useState("");
  const [dragging, setDragging] = useState(false);
  const escriba = usePersistentTranscription({ apiUrl, language, ...(hasConvex ? { functions: api.jobs } : {}) });
  const words = WORDS[language];
  const spokenId = useId();
  const list = useRef<HTMLHeadingElement>(null);
  const isSending = escriba.jobs.some((job) => job.uploaded !== null || job.waitsToBeSent);

  useEffect(() => {
    document.documentElement.lang = language;
    document.title = `Escriba · ${words.title}`;
  }, [language, words]);

  useEffect(() => {
    if (!isSending) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isSending]);

  const startAll = (files: FileList | null) => {
    for (const file of files ?? []) escriba.start(file, spoken ? { language: spoken } : {});
  };
  const drag = (over: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setDragging(over);
    if (event.type === "drop") startAll(event.dataTransfer.files);
  };

  return (
    <main>
      <header>
        <p className="name">Escriba</p>
        <button
          type="button"
          className="plain"
          lang={language === "en" ? "es" : "en"}
          onClick={() => setLanguage(language === "en" ? "es" : "en")}
        >
          {words.otherLanguage}
        </button>
      </header>
      <h1>{words.title}</h1>
      <p className="lead">{words.lead}</p>

      <section
        className={dragging ? "choose over" : "choose"}
        onDragOver={drag(true)}
        onDragLeave={drag(false)}
        onDrop={drag(false)}
      >
        <label className="button">
          {words.choose}
          <input
            type="file"
            accept="audio/*,video/*"
            multiple
            onChange={({ target }) => (startAll(target.files), (target.value = ""))}
          />
        </label>
        <span className="drop">{words.drop}</span>
        <span className="spoken">
          <label htmlFor={spokenId}>{words.spoken}</label>
          <select id={spokenId} value={spoken} onChange={({ target }) => setSpoken(target.value)}>
            <option value="">{words.detect}</option>
            {Object.entries(SPOKEN).map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
        </span>
      </section>

      <section aria-labelledby={`${spokenId}-jobs`}>
        <div className="row">
          <h2 id={`${spokenId}-jobs`} ref={list} tabIndex={-1}>
            {words.jobs}
          </h2>
          <p className={`connection ${escriba.connection}`} role="status">
            {words.connection[escriba.connection]}
          </p>
        </div>
        {escriba.jobs.length === 0 && <p className="none">{words.none}</p>}
        <ol>
          {escriba.jobs.map((job) => (
            <Recording key={job.jobId} {...{ job, words, language, escriba }} onRemove={() => list.current?.focus()} />
          ))}
        </ol>
      </section>
    </main>
  );
}
