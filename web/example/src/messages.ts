/** The texts of the page, in both of its languages. */
import type { Connection, Status } from "escriba/browser";

export type Language = "en" | "es";

export type Messages = {
  title: string;
  lead: string;
  choose: string;
  drop: string;
  spokenLanguage: string;
  detectLanguage: string;
  jobs: string;
  emptyList: string;
  otherLanguage: string;
  signIn: string;
  signOut: string;
  yourName: string;
  elsewhere: string;
  status: Record<Status, string>;
  stage: Record<string, string>;
  connection: Record<Connection, string>;
  sending: string;
  waitsToBeSent: string;
  cancelling: string;
  pieces: (done: number, total: number) => string;
  continuesAt: (time: string) => string;
  textIsGone: string;
  needsFile: string;
  chooseFileAgain: string;
  cancel: string;
  retry: string;
  remove: string;
  confirmRemove: string;
  copy: string;
  copied: string;
  download: string;
  emptyText: string;
  transcript: string;
  textSoFar: string;
  /** By error code. The message of the API is in the language of the page when the error came. */
  problem: Record<string, string>;
};

export const MESSAGES: Record<Language, Messages> = {
  en: {
    title: "Recordings to text",
    lead: "Choose a recording. Once the audio is sent you may close this page: the work goes on, and you find it here again.",
    choose: "Choose recordings",
    drop: "or drop them here",
    spokenLanguage: "Spoken language",
    detectLanguage: "Find out by itself",
    jobs: "Your recordings",
    emptyList: "Nothing here yet.",
    otherLanguage: "Español",
    signIn: "Sign in",
    signOut: "Sign out",
    yourName: "Your name",
    elsewhere: "From other browsers",
    status: {
      pending: "Waiting for the audio",
      queued: "In the queue",
      processing: "Transcribing",
      waiting: "Paused, goes on by itself",
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
    sending: "Sending the audio: keep this page open",
    waitsToBeSent: "Sent after the others: keep this page open",
    cancelling: "Cancelling…",
    pieces: (done, total) => `${done} of ${total} parts`,
    continuesAt: (time) => `at ${time}`,
    needsFile: "The audio did not arrive whole. Choose the same recording again to go on.",
    chooseFileAgain: "Choose it again",
    cancel: "Cancel",
    retry: "Try again",
    remove: "Delete",
    confirmRemove: "Delete this recording and its text everywhere?",
    copy: "Copy",
    copied: "Copied",
    download: "Download",
    emptyText: "Nothing was said in this recording.",
    textIsGone: "Its text has been deleted.",
    transcript: "Transcript",
    textSoFar: "Text so far",
    problem: {
      unreachable: "The service cannot be reached at the moment.",
      timeout: "The service did not answer in time.",
      upload_failed: "The audio could not be sent.",
      job_lost: "The service no longer knows this recording.",
      job_not_found: "The service no longer knows this recording.",
      job_expired: "The service has deleted this recording.",
      not_removed: "It was not deleted everywhere. Please delete it again.",
      audio_unreadable: "This file is not audio or video that can be read. Send mp3, wav, m4a, flac, ogg, webm or mp4.",
      audio_track_missing: "This file has no sound.",
      audio_truncated: "This file is cut off: a part that is needed to read it is missing.",
      interrupted: "The work was cut off several times. Please try again later.",
      engine_unreachable: "The transcription engine cannot be reached. Please try again later.",
      engine_broken: "The transcription engine had a failure of its own. Please try again later.",
      engine_timeout: "The transcription engine did not answer in time. Please try again later.",
      engine_key_invalid: "The service is not set up correctly: its key is not accepted.",
    },
  },
  es: {
    title: "Grabaciones a texto",
    lead: "Elige una grabación. Una vez enviado el audio puedes cerrar esta página: el trabajo continúa y aquí lo encontrarás.",
    choose: "Elegir grabaciones",
    drop: "o suéltalas aquí",
    spokenLanguage: "Idioma hablado",
    detectLanguage: "Detectarlo",
    jobs: "Tus grabaciones",
    emptyList: "Todavía no hay nada.",
    otherLanguage: "English",
    signIn: "Entrar",
    signOut: "Salir",
    yourName: "Tu nombre",
    elsewhere: "De otros navegadores",
    status: {
      pending: "A la espera del audio",
      queued: "En la cola",
      processing: "Transcribiendo",
      waiting: "En pausa, continuará sola",
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
    sending: "Enviando el audio: no cierres esta página",
    waitsToBeSent: "Se envía tras las otras: no cierres esta página",
    cancelling: "Cancelando…",
    pieces: (done, total) => `${done} de ${total} partes`,
    continuesAt: (time) => `a las ${time}`,
    needsFile: "El audio no llegó entero. Vuelve a elegir la misma grabación para continuar.",
    chooseFileAgain: "Elegirla otra vez",
    cancel: "Cancelar",
    retry: "Reintentar",
    remove: "Eliminar",
    confirmRemove: "¿Eliminar esta grabación y su texto en todas partes?",
    copy: "Copiar",
    copied: "Copiado",
    download: "Descargar",
    emptyText: "En esta grabación no se dice nada.",
    textIsGone: "Su texto se ha eliminado.",
    transcript: "Transcripción",
    textSoFar: "Texto hasta ahora",
    problem: {
      unreachable: "Ahora mismo no se puede llegar al servicio.",
      timeout: "El servicio no respondió a tiempo.",
      upload_failed: "No se pudo enviar el audio.",
      job_lost: "El servicio ya no conoce esta grabación.",
      job_not_found: "El servicio ya no conoce esta grabación.",
      job_expired: "El servicio ha eliminado esta grabación.",
      not_removed: "No se eliminó en todas partes. Elimínala otra vez.",
      audio_unreadable:
        "Este archivo no es audio ni vídeo que se pueda leer. Envía mp3, wav, m4a, flac, ogg, webm o mp4.",
      audio_track_missing: "Este archivo no tiene sonido.",
      audio_truncated: "Este archivo está cortado: falta una parte necesaria para leerlo.",
      interrupted: "El trabajo se cortó varias veces. Inténtalo más tarde.",
      engine_unreachable: "No se puede llegar al motor de transcripción. Inténtalo más tarde.",
      engine_broken: "El motor de transcripción tuvo un fallo propio. Inténtalo más tarde.",
      engine_timeout: "El motor de transcripción no respondió a tiempo. Inténtalo más tarde.",
      engine_key_invalid: "El servicio no está bien configurado: su clave no es válida.",
    },
  },
};

export const preferredLanguage = (): Language =>
  (navigator.languages
    .find((tag) => /^(en|es)\b/i.test(tag))
    ?.slice(0, 2)
    .toLowerCase() as Language) ?? "en";
