/** Days and hours of the usage, which the server counts in UTC, as a person reads them. Pure. */

/** "2026-01-31" → "31 Jan"; of an hour, "2026-01-31T09", the time where the person is. */
export function periodName(period: string, locale: string): string {
  if (period.length > 10)
    return new Date(`${period}:00Z`).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return new Date(period).toLocaleDateString(locale, { day: "numeric", month: "short", timeZone: "UTC" });
}
