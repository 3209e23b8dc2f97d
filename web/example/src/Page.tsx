/** The demo page: choose recordings, and see them become text. */
import { useEffect, useId, useRef, useState } from "react";
import { api } from "../convex/_generated/api";
import { type PersistentTranscription, usePersistentTranscription } from "escriba/react";
import { FileChooser } from "./FileChooser";
import { Recording } from "./Recording";
import { Elsewhere, SignIn } from "./SignIn";
import { type Language, MESSAGES, type Messages, preferredLanguage } from "./messages";
import { useName } from "./signIn";

type PageProps = { apiUrl: string; hasConvex: boolean; hasSignIn: boolean };

export function Page({ apiUrl, hasConvex, hasSignIn }: PageProps) {
  const [language, setLanguage] = useState<Language>(preferredLanguage);
  const userId = useName();
  const escriba = usePersistentTranscription({
    ...{ apiUrl, language },
    ...(hasConvex ? { functions: api.jobs } : {}),
    ...(userId ? { userId } : {}), // each user of a browser has a list of their own
  });
  const messages = MESSAGES[language];
  useDocumentLanguage(language, messages.title);
  useLeaveWarning(escriba.jobs.some((job) => job.uploaded !== null || job.waitsToBeSent));
  const otherLanguage = language === "en" ? "es" : "en";
  return (
    <main>
      <header>
        <p className="name">Escriba</p>
        {hasSignIn && <SignIn messages={messages} />}
        <button type="button" className="plain" lang={otherLanguage} onClick={() => setLanguage(otherLanguage)}>
          {messages.otherLanguage}
        </button>
      </header>
      <h1>{messages.title}</h1>
      <p className="lead">{messages.lead}</p>
      <FileChooser messages={messages} start={escriba.start} />
      <RecordingList {...{ escriba, messages, language }} />
      {hasSignIn && <Elsewhere messages={messages} here={escriba.jobs} />}
    </main>
  );
}

type ListProps = { escriba: PersistentTranscription; messages: Messages; language: Language };

function RecordingList({ escriba, messages, language }: ListProps) {
  const headingId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  return (
    <section aria-labelledby={headingId}>
      <div className="row">
        <h2 id={headingId} ref={heading} tabIndex={-1}>
          {messages.jobs}
        </h2>
        <p className={`connection ${escriba.connection}`} role="status">
          {messages.connection[escriba.connection]}
        </p>
      </div>
      {escriba.jobs.length === 0 && <p className="none">{messages.emptyList}</p>}
      <ol>
        {escriba.jobs.map((job) => (
          <Recording
            key={job.jobId}
            {...{ job, messages, language, escriba }}
            onRemove={() => heading.current?.focus()}
          />
        ))}
      </ol>
    </section>
  );
}

function useDocumentLanguage(language: Language, title: string): void {
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = `Escriba · ${title}`;
  }, [language, title]);
}

/** The browser asks before it closes a page that uploads. */
function useLeaveWarning(isUploading: boolean): void {
  useEffect(() => {
    if (!isUploading) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isUploading]);
}
