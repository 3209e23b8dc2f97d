/** The dashboard's sentences in both languages. */
import { useMessages } from "../text/language";

const en = {
  title: "Dashboard",
  views: { now: "Now", history: "History", jobs: "Jobs", keys: "Keys", log: "Actions" },
  accessOff: "The dashboard needs access keys: start the server with ADMIN_KEY.",
  otherKey: "Sign in with another key",
  refresh: "Refresh",
  close: "Close",
  cancel: "Cancel",
  none: "None.",
  unknown: "unknown",
  back: "Back to the page",

  connection: {
    connecting: "Connecting…",
    live: "Live",
    lost: "The connection is lost. It is tried again.",
    asleep: "Stopped while this tab is hidden.",
  },
  asOf: (time: string) => `as of ${time}`,
  jobs: "Jobs",
  queued: "In the queue",
  processing: "Running",
  waiting: "Waiting for quota or another try",
  oldest: (time: string) => `the first is due since ${time}`,
  noStore: "The store sleeps or does not answer.",
  waitsFor: (window: string, time: string) =>
    `Jobs wait: the quota of ${window} is used up. It is full again in ${time}.`,
  here: "This process",
  transcriptions: "Requests being transcribed",
  line: "Requests in line",
  hereJobs: "Jobs running here",
  watchers: "Watchers",
  memory: "Memory",
  uptime: "Running since",
  storage: "Recordings stored",
  of: (used: string, limit: string) => `${used} of ${limit}`,
  quota: "Quota left at the engine",
  noQuota: "The engine has no limits.",
  windows: {
    requestsPerMinute: "requests a minute",
    requestsPerDay: "requests a day",
    audioPerHour: "audio an hour",
    audioPerDay: "audio a day",
  } as Record<string, string>,
  fullIn: (time: string) => `full again in ${time}`,
  full: "all of it",
  forecast: (time: string) => `A recording of 10 minutes would start in ${time}.`,
  forecastNow: "A recording of 10 minutes would start at once.",
  deliveries: "Deliveries not confirmed",
  targets: { convex: "Convex", callback: "Callbacks" } as Record<string, string>,

  accepting: "The server accepts new work.",
  paused: (by: string, time: string) => `Paused by ${by} since ${time}.`,
  pauseReason: "Reason for the pause",
  pause: "Pause",
  resume: "Accept new work again",
};

export type AdminText = typeof en;

const es: AdminText = {
  title: "Panel",
  views: { now: "Ahora", history: "Historial", jobs: "Trabajos", keys: "Claves", log: "Acciones" },
  accessOff: "El panel necesita claves de acceso: inicia el servidor con ADMIN_KEY.",
  otherKey: "Entrar con otra clave",
  refresh: "Actualizar",
  close: "Cerrar",
  cancel: "Cancelar",
  none: "Ninguno.",
  unknown: "desconocido",
  back: "Volver a la página",

  connection: {
    connecting: "Conectando…",
    live: "En directo",
    lost: "Se perdió la conexión. Se intenta de nuevo.",
    asleep: "Parado mientras esta pestaña está oculta.",
  },
  asOf: (time) => `a las ${time}`,
  jobs: "Trabajos",
  queued: "En la cola",
  processing: "En marcha",
  waiting: "A la espera de cuota o de otro intento",
  oldest: (time) => `el primero espera desde hace ${time}`,
  noStore: "El almacén duerme o no responde.",
  waitsFor: (window, time) =>
    `Hay trabajos a la espera: la cuota de ${window} está agotada. Estará completa en ${time}.`,
  here: "Este proceso",
  transcriptions: "Peticiones que se transcriben",
  line: "Peticiones en la fila",
  hereJobs: "Trabajos en marcha aquí",
  watchers: "Observadores",
  memory: "Memoria",
  uptime: "En marcha desde hace",
  storage: "Grabaciones guardadas",
  of: (used, limit) => `${used} de ${limit}`,
  quota: "Cuota que queda en el motor",
  noQuota: "El motor no tiene límites.",
  windows: {
    requestsPerMinute: "peticiones por minuto",
    requestsPerDay: "peticiones por día",
    audioPerHour: "audio por hora",
    audioPerDay: "audio por día",
  },
  fullIn: (time) => `completa en ${time}`,
  full: "toda",
  forecast: (time) => `Una grabación de 10 minutos empezaría en ${time}.`,
  forecastNow: "Una grabación de 10 minutos empezaría enseguida.",
  deliveries: "Entregas sin confirmar",
  targets: { convex: "Convex", callback: "Avisos (callbacks)" },

  accepting: "El servidor acepta trabajo nuevo.",
  paused: (by, time) => `En pausa por ${by} desde ${time}.`,
  pauseReason: "Motivo de la pausa",
  pause: "Pausar",
  resume: "Aceptar trabajo nuevo otra vez",
};

export function useAdminText(): AdminText & { language: "en" | "es" } {
  const { language } = useMessages();
  return { ...(language === "es" ? es : en), language };
}
