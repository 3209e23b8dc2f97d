/** Times and sizes as people read them. Pure. */

/** 75 → "1:15"; 3675 → "1:01:15". */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A stretch of time in its two largest units: "40 s", "3 min", "2 h 5 min". */
export function stretch(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function fileSize(bytes: number, language: string): string {
  const units = ["bytes", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 && unit > 0 ? 1 : 0;
  return `${value.toLocaleString(language, { maximumFractionDigits: digits })} ${units[unit]}`;
}

/** Today's time of day; of another day the date. */
export function moment(time: number, language: string, now: number): string {
  const isToday = new Date(time).toDateString() === new Date(now).toDateString();
  const style: Intl.DateTimeFormatOptions = isToday
    ? { hour: "2-digit", minute: "2-digit" }
    : { day: "numeric", month: "short", ...(now - time > 300 * 86_400_000 ? { year: "numeric" } : {}) };
  return new Intl.DateTimeFormat(localeOf(language), style).format(time);
}

/** The browser's own form of the page's language: British and American clocks differ. */
export function localeOf(language: string): string {
  return navigator.languages.find((one) => one.split("-")[0] === language && isLocale(one)) ?? language;
}

/** A browser of a bare Linux calls its language "en-US@posix", which no formatter takes. */
function isLocale(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length > 0;
  } catch {
    return false;
  }
}
