/** The sentences of this library for people, in both languages. All others come from the API. */

const en = {
  unreachable: "The service cannot be reached.",
  timeout: "The service did not answer in time.",
  unreadable: "The answer did not come from the service.",
  answered: (status: number) => `The service answered HTTP ${status}.`,
  connectionLost: "The audio could not be sent: the connection was lost.",
  audioRefused: (status: number) => `The audio was refused: HTTP ${status}.`,
  noToken: "The app got no access to the service.",
  notSignedIn: "Sign in to see this recording.",
  notRemoved: "It was not deleted everywhere.",
  unexpected: "Something unexpected went wrong.",
};

const es: typeof en = {
  unreachable: "No se puede llegar al servicio.",
  timeout: "El servicio no respondió a tiempo.",
  unreadable: "La respuesta no vino del servicio.",
  answered: (status) => `El servicio respondió HTTP ${status}.`,
  connectionLost: "No se pudo enviar el audio: se perdió la conexión.",
  audioRefused: (status) => `El audio no fue admitido: HTTP ${status}.`,
  noToken: "La aplicación no obtuvo acceso al servicio.",
  notSignedIn: "Inicia sesión para ver esta grabación.",
  notRemoved: "No se eliminó en todas partes.",
  unexpected: "Ocurrió algo inesperado.",
};

/** @param language a tag such as `es` or `en-GB`; default: the browser's */
export const sentences = (language = globalThis.navigator?.language ?? "en"): typeof en =>
  /^es\b/i.test(language) ? es : en;
