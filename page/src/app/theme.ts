/** Light or dark: the system's, or the person's own choice. */
import { preferences } from "../store/preferences";

export function applyTheme(): void {
  const { theme } = preferences.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
