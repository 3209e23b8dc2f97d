/** The function that gives a page its token, where the API asks for access keys: for what its caller owns, and no more. */
import { actionGeneric } from "convex/server";
import { ConvexError, type Infer, v } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import type { Limits } from "../component/model/allowance.js";
import { subjectOf } from "../component/model/subject.js";
import type { CallerOf } from "./caller.js";

const accessToken = v.object({
  token: v.string(),
  /** Seconds. */
  expiresIn: v.number(),
  /** The user that the API takes its holder for. */
  subject: v.string(),
});

type TokenOptions = { seconds: number; limits: Limits; refusal: string };

/** Null where the deployment has no ESCRIBA_ACCESS_KEY, or the API asks for no keys. */
export const exposeToken = ({ tokens }: ComponentApi, callerOf: CallerOf, options: TokenOptions) =>
  actionGeneric({
    args: { ownerToken: v.optional(v.string()), subject: v.optional(v.string()) },
    returns: v.union(accessToken, v.null()),
    handler: async (ctx, { ownerToken, subject }): Promise<Infer<typeof accessToken> | null> => {
      const { seconds, limits, refusal } = options;
      const { owners, isAnonymous } = await callerOf(ctx, ownerToken);
      const [caller] = owners;
      if (caller === undefined) throw new ConvexError({ code: "not_signed_in", message: refusal });
      const owner = subject === undefined ? caller : await findOwner(owners, subject);
      return await ctx.runAction(tokens.issue, { owner, seconds, caller, isAnonymous, limits });
    },
  });

/** A job may be the browser's from before its user signed in. */
async function findOwner(owners: string[], subject: string): Promise<string> {
  for (const owner of owners) if ((await subjectOf(owner)) === subject) return owner;
  throw new ConvexError({ code: "not_signed_in", message: "Sign in as the user whose job this is." });
}
