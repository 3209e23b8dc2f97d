/** The sentences of the recorder, in both languages. */
import type { Language } from "../text/language";
import { currentLanguage, useMessages } from "../text/language";
import { fileSize, stretch } from "../text/quantities";

const en = {
  title: "Record",
  /** The first word of a recording's file name. */
  filename: "Recording",
  source: "What to record",
  sources: { microphone: "The microphone", tab: "The sound of a tab", both: "Both: a call in another tab, say" },
  tabHint: "The browser asks which tab. Tick “Also share tab audio” there.",
  start: "Start recording",
  safe: "Every two seconds are kept on this device, also without a network. Nothing is sent before you stop.",
  live: "Show the text while I speak",
  liveCost:
    "It is sent while you speak, and costs three times as much of what the server may use: each second is heard twice, and the whole recording once more at the end, for its final text.",
  safeLive: "Every two seconds are kept on this device, also without a network.",
  liveTitle: "Text so far",
  liveWaits: "The first words appear after ten seconds.",
  liveHeard: (time: string) => `Heard for this text: ${time}. The final text is made of the whole recording.`,
  liveBehind: "The server does not keep up. Parts of this text may be missing; the final text will have them.",
  phases: { recording: "Recording", paused: "Paused", interrupted: "Interrupted", finished: "Saving…" },
  interruptedHint:
    "There is no sound: a call, or the microphone has gone. It goes on by itself when the sound is back, or press “Go on”. What you said before is kept.",
  pause: "Pause",
  resume: "Go on",
  mark: "Mark this moment",
  marks: "Marks",
  stop: "Stop, and make it text",
  keep: "Stop, and keep it",
  silent: "No sound arrives. Is the right microphone on?",
  inMemory:
    "This browser keeps no more of the recording: its store is full or forbidden. From here on it is only in this page. Stop soon, and do not close the page.",
  problems: {
    denied:
      "The browser did not allow it. Allow the microphone for this page in the browser's address bar, and try again.",
    absent: "There is no microphone. Connect one, and try again.",
    busy: "Another program uses the microphone. Close it there, and try again.",
    noTabSound: "The tab was shared without its sound. Try again, and tick “Also share tab audio”.",
    unsupported: "This browser cannot record here. It takes a current browser, and a page with https://.",
    tabEnded: "The tab's sound has ended. The microphone is still recorded.",
  },
  found: "Recordings that are not text yet",
  foundHint: "They are kept in this browser, also if it was closed while it recorded. Nobody else has them.",
  foundOne: (seconds: number, bytes: number) => `${stretch(seconds)}, ${fileSize(bytes, "en")}`,
  makeText: "Make it text",
  download: "Download",
  remove: "Delete",
  deleted: "The recording is deleted.",
  notKept: "The browser has no room for a second copy. It is being sent; delete this one when the text is there.",
};

export type RecordMessages = typeof en;

const es: RecordMessages = {
  title: "Grabar",
  filename: "Grabación",
  source: "Qué grabar",
  sources: {
    microphone: "El micrófono",
    tab: "El sonido de una pestaña",
    both: "Ambos: una llamada en otra pestaña, por ejemplo",
  },
  tabHint: "El navegador pregunta qué pestaña. Marca allí «Compartir también el audio de la pestaña».",
  start: "Empezar a grabar",
  safe: "Cada dos segundos se guardan en este dispositivo, también sin red. No se envía nada antes de que pares.",
  live: "Mostrar el texto mientras hablo",
  liveCost:
    "Se envía mientras hablas y cuesta el triple de lo que el servidor puede usar: cada segundo se escucha dos veces, y la grabación entera una vez más al final, para su texto definitivo.",
  safeLive: "Cada dos segundos se guardan en este dispositivo, también sin red.",
  liveTitle: "Texto hasta ahora",
  liveWaits: "Las primeras palabras aparecen a los diez segundos.",
  liveHeard: (time) => `Escuchado para este texto: ${time}. El texto definitivo se hace de la grabación entera.`,
  liveBehind: "El servidor no da abasto. Pueden faltar partes de este texto; el definitivo las tendrá.",
  phases: { recording: "Grabando", paused: "En pausa", interrupted: "Interrumpida", finished: "Guardando…" },
  interruptedHint:
    "No hay sonido: una llamada, o el micrófono se ha ido. Sigue por sí sola cuando vuelve el sonido, o pulsa «Seguir». Lo dicho hasta aquí está guardado.",
  pause: "Pausa",
  resume: "Seguir",
  mark: "Marcar este momento",
  marks: "Marcas",
  stop: "Parar y convertir en texto",
  keep: "Parar y guardar",
  silent: "No llega sonido. ¿Está encendido el micrófono correcto?",
  inMemory:
    "Este navegador no guarda más de la grabación: su almacén está lleno o prohibido. Desde aquí solo está en esta página. Para pronto y no cierres la página.",
  problems: {
    denied:
      "El navegador no lo permitió. Permite el micrófono para esta página en la barra de direcciones e inténtalo de nuevo.",
    absent: "No hay micrófono. Conecta uno e inténtalo de nuevo.",
    busy: "Otro programa usa el micrófono. Ciérralo allí e inténtalo de nuevo.",
    noTabSound:
      "La pestaña se compartió sin su sonido. Inténtalo de nuevo y marca «Compartir también el audio de la pestaña».",
    unsupported: "Este navegador no puede grabar aquí. Hace falta un navegador actual y una página con https://.",
    tabEnded: "El sonido de la pestaña ha terminado. El micrófono se sigue grabando.",
  },
  found: "Grabaciones que aún no son texto",
  foundHint: "Están guardadas en este navegador, también si se cerró mientras grababa. Nadie más las tiene.",
  foundOne: (seconds, bytes) => `${stretch(seconds)}, ${fileSize(bytes, "es")}`,
  makeText: "Convertir en texto",
  download: "Descargar",
  remove: "Borrar",
  deleted: "La grabación está borrada.",
  notKept: "El navegador no tiene sitio para otra copia. Se está enviando; borra esta cuando el texto esté.",
};

const byLanguage: Record<Language, RecordMessages> = { en, es };

export const recordMessages = (): RecordMessages => byLanguage[currentLanguage()];

export const useRecordMessages = (): RecordMessages => byLanguage[useMessages().language];
