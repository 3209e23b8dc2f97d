/**
 * Tokens for pages, where the API asks for access keys: the app says who the caller is, and the component, which alone
 * holds the key, asks the API for a token of that owner. No table holds a token: each page keeps its own in memory.
 */
import { v } from "convex/values";
import { internal } from "./_generated/api.js";
import { action, env, internalMutation } from "./_generated/server.js";
import { countToken, limits } from "./model/allowance.js";
import { subjectOf } from "./model/subject.js";
import { requestToken } from "./model/tokenRequest.js";

const counted = { caller: v.string(), isAnonymous: v.boolean(), limits };

/** `owner` is whom the token is for; `caller` is the first of the names of who asks, and its tokens are counted. */
export const issue = action({
  args: { owner: v.string(), seconds: v.number(), ...counted },
  returns: v.union(v.object({ token: v.string(), expiresIn: v.number(), subject: v.string() }), v.null()),
  handler: async (ctx, { owner, seconds, ...counted }) => {
    const { ESCRIBA_API_URL: url, ESCRIBA_ACCESS_KEY: key } = env;
    if (!url || !key) return null;
    await ctx.runMutation(internal.tokens.count, counted);
    const subject = await subjectOf(owner);
    const token = await requestToken({ url: url.replace(/\/+$/, ""), key }, subject, seconds);
    return token === null ? null : { token, expiresIn: seconds, subject };
  },
});

/** Each token costs a request to the API, and each owner that a browser makes up has a share of it. */
export const count = internalMutation({
  args: counted,
  returns: v.null(),
  handler: async (ctx, { caller, isAnonymous, limits }) => {
    await countToken(ctx, caller, isAnonymous, limits);
    return null;
  },
});
