/**
 * How many rows an owner may have, and how many rows and tokens may be made in a minute. A bucket refills with time; the
 * removal of a row does not refill it. Pure but for the last functions, which keep the numbers.
 */
import { ConvexError, type Infer, v } from "convex/values";
import type { MutationCtx } from "../_generated/server.js";

export const limits = v.object({
  /** Rows of one owner. */
  rows: v.number(),
  /** Rows that one owner creates in a minute; as many tokens. */
  perMinute: v.number(),
  /**
   * Rows that all browsers without sign-in create in a minute, together: a browser can make itself a new owner. As many
   * tokens.
   */
  anonymousPerMinute: v.number(),
});
export type Limits = Infer<typeof limits>;

export const DEFAULT_LIMITS: Limits = { rows: 1_000, perMinute: 60, anonymousPerMinute: 300 };

export type Account = { rows: number; left: number; countedAt: number };

type Most = { rows: number; perMinute: number };

const MINUTE = 60_000;
/** The account of all browsers without sign-in. No owner's name begins with a colon. */
const ANONYMOUS = ":anonymous";
const TOKENS = ":tokens:";

/** The account after one more row, or with `added` 0 after one more token; or how many milliseconds later there would be room for it; null: never by itself. */
export function addRow(
  account: Account | null,
  most: Most,
  now: number,
  added = 1,
): Account | { retryAfterMs: number | null } {
  const { rows, left, countedAt } = account ?? { rows: 0, left: most.perMinute, countedAt: now };
  if (rows >= most.rows) return { retryAfterMs: null };
  const refilled = Math.min(most.perMinute, left + ((now - countedAt) / MINUTE) * most.perMinute);
  if (refilled < 1) return { retryAfterMs: Math.ceil(((1 - refilled) / most.perMinute) * MINUTE) };
  return { rows: rows + added, left: refilled - 1, countedAt: now };
}

/** Counts a new row of this owner, or throws. */
export async function countRow(ctx: MutationCtx, owner: string, isAnonymous: boolean, most: Limits): Promise<void> {
  await change(ctx, owner, most);
  if (isAnonymous) await change(ctx, ANONYMOUS, { rows: Infinity, perMinute: most.anonymousPerMinute });
}

/** Counts a new token of this owner, or throws. */
export async function countToken(ctx: MutationCtx, owner: string, isAnonymous: boolean, most: Limits): Promise<void> {
  await change(ctx, TOKENS + owner, { rows: Infinity, perMinute: most.perMinute }, 0);
  if (isAnonymous) await change(ctx, TOKENS + ANONYMOUS, { rows: Infinity, perMinute: most.anonymousPerMinute }, 0);
}

async function change(ctx: MutationCtx, owner: string, most: Most, added = 1): Promise<void> {
  const account = await find(ctx, owner);
  const next = addRow(account, most, Date.now(), added);
  if ("retryAfterMs" in next) throw refuse(next.retryAfterMs);
  if (account) await ctx.db.patch("owners", account._id, next);
  else await ctx.db.insert("owners", { owner, ...next });
}

function refuse(retryAfterMs: number | null): ConvexError<{ code: string; message: string; retryAfter?: number }> {
  if (retryAfterMs === null)
    return new ConvexError({ code: "too_many_jobs", message: "You have too many recordings: delete some of them." });
  const retryAfter = Math.ceil(retryAfterMs / 1000);
  return new ConvexError({ code: "rate_limited", message: `Try again in ${retryAfter} s.`, retryAfter });
}

/** Counts rows that exist already, as an import brings them: none is refused. */
export async function addRows(ctx: MutationCtx, owner: string, rows: number): Promise<void> {
  const account = await find(ctx, owner);
  if (account) await ctx.db.patch("owners", account._id, { rows: Math.max(0, account.rows + rows) });
  else if (rows > 0) {
    const left = DEFAULT_LIMITS.perMinute;
    await ctx.db.insert("owners", { owner, rows, left, countedAt: Date.now() });
  }
}

/** Deletes the accounts of owners without rows whose bucket is full again. */
export async function deleteUnusedAccounts(ctx: MutationCtx): Promise<void> {
  const unused = ctx.db
    .query("owners")
    .withIndex("by_rows", (q) => q.eq("rows", 0).lt("countedAt", Date.now() - MINUTE));
  for (const { _id } of await unused.take(1_000)) await ctx.db.delete("owners", _id);
}

const find = (ctx: MutationCtx, owner: string) =>
  ctx.db
    .query("owners")
    .withIndex("by_owner", (q) => q.eq("owner", owner))
    .unique();
