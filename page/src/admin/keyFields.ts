/** An access key as the server shows it, and what a form says of one. Pure. */
export const limitFields = ["requestsPerMinute", "audioPerHour", "audioPerDay", "jobs", "storedMb"] as const;
export const scopeNames = ["transcribe", "read", "metrics", "admin"] as const;

export type Limits = Partial<Record<(typeof limitFields)[number], number>>;

export type AccessKey = {
  keyId: string;
  name: string;
  scopes: string[];
  limits?: Limits;
  createdAt: string;
  expiresAt?: string;
  revokedAt?: string;
  key?: string;
  webhookSecret?: string;
};

/** The body of a request: an empty field is no limit and no end. The day of its end counts whole, where the person is. */
export function bodyOf(fields: FormData) {
  const limits = limitFields.flatMap((name) => (fields.get(name) ? [[name, Number(fields.get(name))] as const] : []));
  const day = fields.get("expiresAt");
  return {
    name: String(fields.get("name")).trim(),
    scopes: fields.getAll("scopes").map(String),
    limits: limits.length > 0 ? Object.fromEntries(limits) : null,
    expiresAt: day ? new Date(`${String(day)}T23:59:59`).toISOString() : null,
  };
}

/** The value of a date field. */
export function dayOf(time: string): string {
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
