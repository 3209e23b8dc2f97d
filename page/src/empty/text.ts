/** What the page says of a recording without words, in both languages. */
import { inLanguage, type Language } from "../text/language";

const en = {
  noWords: "No words were heard in this recording.",
  hint: "If somebody speaks in it, send it again with its language chosen under “Options”. If the voice is faint, or in another track or channel of the file, export it louder and by itself first.",
  turns: "Who speaks, though no words were understood:",
};

const es: typeof en = {
  noWords: "No se ha oído ninguna palabra en esta grabación.",
  hint: "Si alguien habla en ella, envíala otra vez con su idioma elegido en «Opciones». Si la voz se oye poco, o está en otra pista o canal del archivo, expórtala antes más alta y por separado.",
  turns: "Quién habla, aunque no se le hayan entendido palabras:",
};

export const textOf = (language: Language): typeof en => inLanguage({ en, es }, language);
