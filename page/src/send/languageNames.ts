/** The names of languages in the page's language, sorted; Spanish and English first. Pure. */

const FIRST = ["es", "en"];

export function languageNames(codes: readonly string[], language: string): Array<readonly [string, string]> {
  const names = new Intl.DisplayNames([language], { type: "language", fallback: "code" });
  const { compare } = new Intl.Collator(language);
  const rank = (code: string) => (FIRST.indexOf(code) + FIRST.length + 1) % (FIRST.length + 1);
  return codes
    .map((code) => [code, nameOf(names, code)] as const)
    .sort(([a, nameA], [b, nameB]) => rank(a) - rank(b) || compare(nameA, nameB))
    .map(([code, name]) => [code, name.charAt(0).toLocaleUpperCase(language) + name.slice(1)] as const);
}

function nameOf(names: Intl.DisplayNames, code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code; // the engine's own code
  }
}
