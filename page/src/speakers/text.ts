/** What the dialog of speakers says, in both languages. */
import { inLanguage, type Language } from "../text/language";

const en = {
  title: (time: string) => `Who speaks at ${time}`,
  name: (label: string) => `Name of “${label}”, wherever it speaks`,
  nameHint: "Ana",
  save: "Name it",
  here: "This paragraph alone is said by",
  another: "Somebody else",
  same: (name: string) => `“${name}” is the same person as`,
  alone: "nobody else",
  splitHint: "Enter splits a paragraph while you correct it; then each half can have its speaker.",
};

const es: typeof en = {
  title: (time) => `Quién habla en ${time}`,
  name: (label) => `Nombre de «${label}» en todo el texto`,
  nameHint: "Ana",
  save: "Poner nombre",
  here: "Solo este párrafo lo dice",
  another: "Otra persona",
  same: (name) => `«${name}» es la misma persona que`,
  alone: "nadie más",
  splitHint: "Al corregir, Intro divide un párrafo; después cada mitad puede tener su hablante.",
};

export const textOf = (language: Language): typeof en => inLanguage({ en, es }, language);
