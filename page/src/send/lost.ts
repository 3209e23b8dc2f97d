/** Says that a recording which another app shared was not taken. */
import { showToast } from "../app/toastQueue";
import { inLanguage } from "../text/language";

const en = "The shared recording was not taken. Choose the file here instead.";
const es = "No se ha podido recibir la grabación compartida. Elige el archivo aquí.";

export function sayLost(): void {
  history.replaceState(history.state, "", location.pathname + location.hash); // a reload says it no more
  showToast({ text: () => inLanguage({ en, es }) });
}
