/**
 * Who asks, as the names under which rows are theirs: the signed-in user, as the app says, or the browser that holds an
 * owner token, in an app without sign-in. A bare `userId` is a label that anyone could write, and names nobody.
 */
import type { GenericDataModel, GenericMutationCtx, GenericQueryCtx } from "convex/server";
import { ConvexError } from "convex/values";
import { sha256 } from "../component/model/sha256.js";

export type Ctx = GenericQueryCtx<GenericDataModel> | GenericMutationCtx<GenericDataModel>;

/**
 * The ids of the signed-in user, or null where nobody has signed in. New rows carry the first; imported rows of an app's
 * own table may name the user by any of them.
 */
export type Auth = (ctx: Pick<Ctx, "auth">) => Promise<string | string[] | null>;

/** `isAnonymous`: known by an owner token alone. */
export type Caller = { owners: string[]; isAnonymous: boolean };

export type CallerOf = (ctx: Pick<Ctx, "auth">, ownerToken: string | undefined) => Promise<Caller>;

const SHORTEST_TOKEN = 32;
const LONGEST_TOKEN = 256;

/** The user of `ctx.auth`, whichever provider signed them in. */
export const signedInUser: Auth = async ({ auth }) => {
  const identity = await auth.getUserIdentity();
  return identity && [identity.tokenIdentifier, identity.subject];
};

export async function identify(ctx: Pick<Ctx, "auth">, auth: Auth, ownerToken: string | undefined): Promise<Caller> {
  const ids = [await auth(ctx)].flat().filter((id) => id !== null);
  const token = ownerToken === undefined ? [] : [`token:${await sha256(checkToken(ownerToken))}`];
  const user = ids.slice(0, 1).map((id) => `user:${id}`);
  return { owners: [...user, ...token, ...ids.map(ownerOfUserId)], isAnonymous: ids.length === 0 };
}

/** The owner of an imported row that names its user in `userId` alone. No new row has such an owner. */
export const ownerOfUserId = (userId: string): string => `userId:${userId}`;

function checkToken(token: string): string {
  if (token.length < SHORTEST_TOKEN || token.length > LONGEST_TOKEN) {
    const message = `An ownerToken has ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} characters.`;
    throw new ConvexError({ code: "invalid_argument", message });
  }
  return token;
}
