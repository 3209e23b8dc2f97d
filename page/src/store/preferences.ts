/** What the page remembers of a person's choices, in `localStorage`. */
import { signal } from "../app/signal";
import type { Language } from "../text/language";

export type Preferences = {
  language: Language | null;
  theme: "auto" | "light" | "dark";
  /** Options of new recordings. */
  spoken: string;
  translate: boolean;
  vocabulary: string;
  guard: boolean;
  /** "" for no, "true", or how many. */
  speakers: string;
  /** Of the reader. */
  speed: number;
  stepBack: boolean;
  showUnsure: boolean;
};

const KEY = "escriba:page";

const DEFAULTS: Preferences = {
  language: null,
  theme: "auto",
  spoken: "",
  translate: false,
  vocabulary: "",
  guard: true,
  speakers: "",
  speed: 1,
  stepBack: true,
  showUnsure: false,
};

function read(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

export const preferences = signal(read());

export function prefer(change: Partial<Preferences>): void {
  preferences.set({ ...preferences.value, ...change });
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.value));
  } catch {
    // Forbidden or full: the choice holds while the page is open.
  }
}

addEventListener("storage", ({ key }) => key === KEY && preferences.set(read()));
