/** The owner's dashboard: its views, and the sign-in of an admin before them. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { route } from "../app/route";
import { useSignal } from "../app/signal";
import { access, signOut } from "../server/access";
import { limits } from "../server/limits";
import { SignIn } from "../sign-in/SignIn";
import sheet from "./admin.sheet.css";
import { useLoaded } from "./api";
import { ConfirmDialog } from "./Confirm";
import { HistoryView } from "./HistoryView";
import { JobsView } from "./JobsView";
import { KeysView } from "./KeysView";
import { LogView } from "./LogView";
import { NowView } from "./NowView";
import { ProblemBox } from "./ProblemBox";
import { useAdminText } from "./text";

const VIEWS = { now: NowView, history: HistoryView, jobs: JobsView, keys: KeysView, log: LogView } satisfies Record<
  string,
  ComponentType
>;

type View = keyof typeof VIEWS;

/** The dashboard with its styles, which come with it: no page but this needs them. */
export function styledDashboard(): ComponentType {
  const styles = new CSSStyleSheet();
  styles.replaceSync(sheet);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, styles];
  return Dashboard;
}

function Dashboard() {
  const text = useAdminText();
  const { key, isRefused } = useSignal(access);
  const known = useSignal(limits);
  useEffect(() => {
    document.title = `Escriba · ${text.title}`;
  }, [text.title]);
  if (known?.keys === "none") return <p class="notice bad">{text.accessOff}</p>;
  if (!key || isRefused) return <SignIn />;
  return <Admitted key={key} />;
}

/** The pause switch is the cheapest thing to ask for: who may not read it may read nothing here. */
function Admitted() {
  const text = useAdminText();
  const { value, problem, reload } = useLoaded<object>("admin/pause");
  if (problem)
    return (
      <>
        <ProblemBox problem={problem} />
        <div class="actions">
          <button type="button" onClick={() => void reload()}>
            {text.refresh}
          </button>
          <button type="button" onClick={signOut}>
            {text.otherKey}
          </button>
        </div>
      </>
    );
  return value ? <Views /> : null;
}

function Views() {
  const text = useAdminText();
  const { adminView } = useSignal(route);
  const names = Object.keys(VIEWS) as View[];
  const shown = names.find((name) => name === adminView) ?? "now";
  const Shown = VIEWS[shown];
  return (
    <div class="admin">
      <h1>{text.title}</h1>
      <nav class="tabs" aria-label={text.title}>
        {names.map((name) => (
          <a key={name} href={`#/admin/${name}`} aria-current={name === shown ? "page" : undefined}>
            {text.views[name]}
          </a>
        ))}
      </nav>
      <Shown key={shown} />
      <ConfirmDialog />
    </div>
  );
}
