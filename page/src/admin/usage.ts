/** What the rows of usage add up to: all together, by period, by key; and percentiles of the latency. Pure. */

export type UsageRow = {
  day?: string;
  hour?: string;
  keyId?: string;
  requests: number;
  jobs: number;
  audioSeconds: number;
  failures: Record<string, number>;
  latency: Record<string, number>;
};

export type Totals = Pick<UsageRow, "requests" | "jobs" | "audioSeconds" | "failures" | "latency">;

export function sum(rows: readonly UsageRow[]): Totals {
  const totals: Totals = { requests: 0, jobs: 0, audioSeconds: 0, failures: {}, latency: {} };
  for (const row of rows) {
    totals.requests += row.requests;
    totals.jobs += row.jobs;
    totals.audioSeconds += row.audioSeconds;
    add(totals.failures, row.failures);
    add(totals.latency, row.latency);
  }
  return totals;
}

function add(totals: Record<string, number>, more: Record<string, number>): void {
  for (const name in more) totals[name] = (totals[name] ?? 0) + more[name]!;
}

export const count = (amounts: Record<string, number>): number => Object.values(amounts).reduce((a, b) => a + b, 0);

export function groupBy(rows: readonly UsageRow[], nameOf: (row: UsageRow) => string): Map<string, UsageRow[]> {
  const groups = new Map<string, UsageRow[]>();
  for (const row of rows) {
    const group = groups.get(nameOf(row));
    if (group) group.push(row);
    else groups.set(nameOf(row), [row]);
  }
  return groups;
}

/**
 * The seconds below which this share of the requests lies, in a straight line within its bucket; null of none, and
 * Infinity in the last bucket, which has no upper bound.
 */
export function percentile(latency: Record<string, number>, share: number): number | null {
  const buckets = Object.entries(latency)
    .map(([bound, amount]) => [bound === "more" ? Infinity : Number(bound), amount] as const)
    .sort(([a], [b]) => a - b);
  let left = share * buckets.reduce((total, [, amount]) => total + amount, 0);
  if (left === 0) return null;
  for (const [bound, amount] of buckets) {
    if (left <= amount) {
      const lower = BOUNDS[BOUNDS.indexOf(bound) - 1] ?? 0;
      return Number.isFinite(bound) ? lower + ((bound - lower) * left) / amount : Infinity;
    }
    left -= amount;
  }
  return null;
}

/** As `common/counters.py` has them. */
export const BOUNDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600];

/** Days in UTC, as the server counts them, the last one today. */
export function lastDays(now: number, days: number): string[] {
  return Array.from({ length: days }, (_, i) => new Date(now - (days - 1 - i) * 86_400_000).toISOString().slice(0, 10));
}

/** Hours in UTC, the present one among them. */
export function lastHours(now: number, hours: number): string[] {
  return Array.from({ length: hours }, (_, i) =>
    new Date(now - (hours - 1 - i) * 3_600_000).toISOString().slice(0, 13),
  );
}
