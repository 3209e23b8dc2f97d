/** Everything the page says, in both of its languages. */
import type { Connection, Status } from "../src";

export type Language = "en" | "es";

type Words = {
  title: string;
  lead: string;
  choose: string;
  drop: string;
  spoken: string;
  detect: string;
  jobs: string;
  none: string;
  otherLanguage: string;
  status: Record<Status, string>;
  stage: Record<string, string>;
  connection: Record<Connection, string>;
  sending: string;
  cancelling: string;
  pieces: (done: number, total: number) => string;
  goesOn: (time: string) => string;
  needsFile: string;
  giveFile: string;
  cancel: string;
  retry: string;
  remove: string;
  reallyRemove: string;
  copy: string;
  copied: string;
  download: string;
  emptyText: string;
  transcript: string;
  soFar: string;
  problem: Record<string, string>;
};

export const WORDS: Record<Language, Words> = {
  en: {
    title: "Recordings to text",
    lead: "Choose a recording. You may close this page meanwhile: the work goes on, and you find it here again.",
    choose: "Choose recordings",
    drop: "or drop them here",
    spoken: "Spoken language",
    detect: "Find out by itself",
    jobs: "Your recordings",
    none: "Nothing here yet.",
    otherLanguage: "Español",
    status: {
      pending: "Waiting for the audio",
      queued: "In the queue",
      processing: "Transcribing",
      waiting: "Paused until there is quota again",
      completed: "Done",
      failed: "Failed",
      cancelled: "Cancelled",
    },
    stage: { prepare: "Preparing the audio", merge: "Putting the text together" },
    connection: {
      live: "Connected: changes appear by themselves",
      connecting: "Connecting…",
      polling: "Without a live connection: looking every few seconds",
      offline: "No network: this page goes on when it is back",
    },
    sending: "Sending the audio",
    cancelling: "Cancelling…",
    pieces: (done, total) => `${done} of ${total} parts`,
    goesOn: (time) => `goes on at ${time}`,
    needsFile: "The audio did not arrive whole. Choose the same recording again to go on.",
    giveFile: "Choose it again",
    cancel: "Cancel",
    retry: "Try again",
    remove: "Delete",
    reallyRemove: "Delete this recording and its text everywhere?",
    copy: "Copy",
    copied: "Copied",
    download: "Download",
    emptyText: "Nothing was said in this recording.",
    transcript: "Transcript",
    soFar: "Text so far",
    problem: {
      unreachable: "The service cannot be reached at the moment.",
      upload_failed: "The audio could not be sent.",
      job_lost: "The service no longer knows this recording.",
      job_not_found: "The service no longer knows this recording.",
      job_expired: "The service has deleted this recording.",
    },
  },
  es: {
    title: "Grabaciones a texto",
    lead: "Elige una grabación. Puedes cerrar esta página mientras tanto: el trabajo continúa y aquí lo encontrarás.",
    choose: "Elegir grabaciones",
    drop: "o suéltalas aquí",
    spoken: "Idioma hablado",
    detect: "Detectarlo",
    jobs: "Tus grabaciones",
    none: "Todavía no hay nada.",
    otherLanguage: "English",
    status: {
      pending: "A la espera del audio",
      queued: "En la cola",
      processing: "Transcribiendo",
      waiting: "En pausa hasta que vuelva a haber cuota",
      completed: "Terminada",
      failed: "Ha fallado",
      cancelled: "Cancelada",
    },
    stage: { prepare: "Preparando el audio", merge: "Juntando el texto" },
    connection: {
      live: "Conectado: los cambios aparecen solos",
      connecting: "Conectando…",
      polling: "Sin conexión en directo: se mira cada pocos segundos",
      offline: "Sin red: esta página seguirá cuando vuelva",
    },
    sending: "Enviando el audio",
    cancelling: "Cancelando…",
    pieces: (done, total) => `${done} de ${total} partes`,
    goesOn: (time) => `continúa a las ${time}`,
    needsFile: "El audio no llegó entero. Vuelve a elegir la misma grabación para continuar.",
    giveFile: "Elegirla otra vez",
    cancel: "Cancelar",
    retry: "Reintentar",
    remove: "Eliminar",
    reallyRemove: "¿Eliminar esta grabación y su texto en todas partes?",
    copy: "Copiar",
    copied: "Copiado",
    download: "Descargar",
    emptyText: "En esta grabación no se dice nada.",
    transcript: "Transcripción",
    soFar: "Texto hasta ahora",
    problem: {
      unreachable: "Ahora mismo no se puede llegar al servicio.",
      upload_failed: "No se pudo enviar el audio.",
      job_lost: "El servicio ya no conoce esta grabación.",
      job_not_found: "El servicio ya no conoce esta grabación.",
      job_expired: "El servicio ha eliminado esta grabación.",
    },
  },
};

export const preferred = (): Language =>
  (navigator.languages
    .find((tag) => /^(en|es)\b/i.test(tag))
    ?.slice(0, 2)
    .toLowerCase() as Language) ?? "en";
