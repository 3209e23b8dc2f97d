/** The head of the page: its name, the other language, the colours, and the way out where one signed in. */
import { signOut, access } from "../server/access";
import { prefer, preferences, type Preferences } from "../store/preferences";
import { useMessages } from "../text/language";
import { useSignal } from "./signal";

const THEMES = ["auto", "light", "dark"] as const;

export function Header() {
  const text = useMessages();
  const { theme } = useSignal(preferences);
  const { key } = useSignal(access);
  const other = text.language === "es" ? "en" : "es";
  return (
    <header class="head">
      <a class="brand" href="#/">
        <svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true">
          <path d="M3 12h2M7 8v8M11 4v16M15 9v6M19 7h2M19 12h2M19 17h2" />
        </svg>
        Escriba
      </a>
      <div class="head-tools">
        <label class="select">
          <span class="hidden">{text.theme}</span>
          <select value={theme} onChange={(event) => chooseTheme(event.currentTarget.value)}>
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {text.themes[one]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="plain" lang={other} onClick={() => prefer({ language: other })}>
          {text.otherLanguage}
        </button>
        {key && (
          <button type="button" class="plain" onClick={leave}>
            {text.signOut}
          </button>
        )}
      </div>
    </header>
  );
}

/** The button goes with it: the focus goes on to the sign-in. */
function leave(): void {
  signOut();
  document.getElementById("content")?.focus();
}

const chooseTheme = (theme: string) => prefer({ theme: theme as Preferences["theme"] });
