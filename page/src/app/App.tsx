/** The whole page: its head, the list or one text, and its notices. */
import { useEffect, useRef, useState } from "preact/hooks";
import { audioNotKept, startJobs } from "../jobs/pageJobs";
import { Home } from "./Home";
import { access, keepAccess } from "../server/access";
import { limits, readLimits } from "../server/limits";
import { preferences } from "../store/preferences";
import { storeProblem } from "../store/recordings";
import { useMessages } from "../text/language";
import { Header } from "./Header";
import { Part } from "./Part";
import { route } from "./route";
import { useSignal } from "./signal";
import { applyTheme } from "./theme";
import { Toasts } from "./Toasts";
import { useConvex } from "./useConvex";

/** Milliseconds between two questions to a server that does not answer. */
const PAUSE = 5_000;

const loadRecorder = async () => (await import("../record/RecordView")).RecordView;
const loadDashboard = async () => (await import("../admin/Dashboard")).styledDashboard();
const loadSignIn = async () => (await import("../sign-in/SignIn")).SignIn;
const loadReader = async () => (await import("../read/Reader")).Reader;

export function App() {
  const text = useMessages();
  const { theme } = useSignal(preferences);
  const { jobId, isRecord, adminView } = useSignal(route);
  const isAway = useLimits();
  const mustSignIn = useMustSignIn();
  useConvex(mustSignIn);
  useEffect(applyTheme, [theme]);
  useEffect(() => {
    document.documentElement.lang = text.language;
  }, [text.language]);
  useFocusOnView(isRecord ? "record" : adminView ? "admin" : jobId);
  return (
    <>
      <a class="skip" href="#content" onClick={focusContent}>
        {text.skip}
      </a>
      <Header />
      <Notices isAway={isAway} />
      <main id="content" tabIndex={-1}>
        {isRecord ? (
          <Part load={loadRecorder} key="record" props={{}} /> // also while nobody is signed in: it sends nothing
        ) : adminView ? (
          <Part load={loadDashboard} key="admin" props={{}} /> // it has its own sign-in
        ) : mustSignIn ? (
          <Part load={loadSignIn} key="sign-in" props={{}} />
        ) : jobId ? (
          <Part load={loadReader} key={jobId} props={{ jobId }} />
        ) : (
          <Home />
        )}
      </main>
      <footer>
        <a href="docs">{text.apiDocs}</a>
      </footer>
      <Toasts />
    </>
  );
}

/** Another view begins at its top, for eyes and for screen readers. */
function useFocusOnView(view: string | null): void {
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [view]);
}

/** The address holds the view, so that the link itself must not change it. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function useMustSignIn(): boolean {
  const known = useSignal(limits);
  const { key, isRefused } = useSignal(access);
  const mustSignIn = isRefused || (known?.keys === "required" && !key);
  const isReady = known !== null && !mustSignIn;
  // Also while the server does not answer: what waits to be sent is shown.
  useEffect(() => (mustSignIn ? undefined : startJobs()), [mustSignIn]);
  useEffect(() => (isReady ? keepAccess() : undefined), [isReady]);
  return mustSignIn;
}

/** Asks for the limits until there are some. Returns whether the server does not answer. */
function useLimits(): boolean {
  const [isAway, setAway] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const isAnswered = await readLimits();
      setAway(!isAnswered);
      if (!isAnswered) timer = setTimeout(() => void ask(), PAUSE);
    };
    void ask();
    return () => clearTimeout(timer);
  }, []);
  return isAway;
}

function Notices({ isAway }: { isAway: boolean }) {
  const text = useMessages();
  const problem = useSignal(storeProblem);
  const isAudioLost = useSignal(audioNotKept);
  const isOffline = useOffline();
  return (
    <div class="notices" role="status">
      {isOffline ? <p class="notice">{text.offline}</p> : isAway && <p class="notice">{text.serverAway}</p>}
      {problem && <p class="notice bad">{problem === "full" ? text.storeFull : text.storeForbidden}</p>}
      {isAudioLost && !problem && <p class="notice">{text.notKept}</p>}
    </div>
  );
}

function useOffline(): boolean {
  const [isOffline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const update = () => setOffline(!navigator.onLine);
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);
  return isOffline;
}
