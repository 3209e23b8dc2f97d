/**
 * Who may see and cancel a job: the signed-in user who made it, or, in an app without sign-in, the browser that holds
 * its owner token. A bare `userId` is a label that anyone could write.
 */
import { ConvexError } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

const SHORTEST_TOKEN = 32;
const LONGEST_TOKEN = 256;

type Ctx = QueryCtx | MutationCtx;

/** The caller, as up to two keys that rows can carry in `owner`. */
export type Caller = { user?: string; token?: string; legacyIds: string[] };

export async function identify(ctx: Ctx, ownerToken: string | undefined): Promise<Caller> {
  const identity = await ctx.auth.getUserIdentity();
  return {
    ...(identity ? { user: `user:${identity.tokenIdentifier}` } : {}),
    ...(ownerToken === undefined ? {} : { token: `token:${await sha256(checkToken(ownerToken))}` }),
    // A row from before this schema names its user in `userId`, by one of these where sign-in was Convex's.
    legacyIds: identity ? [identity.subject, identity.tokenIdentifier] : [],
  };
}

/** What a row that this caller creates carries in `owner`. */
export function ownerOf(caller: Caller): string {
  const owner = caller.user ?? caller.token;
  if (!owner) throw new ConvexError({ code: "not_signed_in", message: "Sign in, or give an ownerToken." });
  return owner;
}

export function mayUse(job: Doc<"transcriptionJobs">, caller: Caller): boolean {
  if (job.owner !== undefined) return job.owner === caller.user || job.owner === caller.token;
  return job.userId !== undefined && caller.legacyIds.includes(job.userId);
}

/**
 * Whether a row without an owner can become the caller's. A row that names a user opens to that user's sign-in
 * alone (`mayUse`): its `jobId` does not prove who the caller is.
 */
export function mayAdopt(job: Doc<"transcriptionJobs">): boolean {
  return job.owner === undefined && job.userId === undefined;
}

function checkToken(token: string): string {
  if (token.length < SHORTEST_TOKEN || token.length > LONGEST_TOKEN) {
    const message = `An ownerToken has ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} characters.`;
    throw new ConvexError({ code: "invalid_argument", message });
  }
  return token;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
