/** The functions that an app gives to its pages: the component's jobs, for callers that the app has identified. */
import { mutationGeneric, queryGeneric } from "convex/server";
import { ConvexError, type Infer, v } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import { DEFAULT_LIMITS, type Limits } from "../component/model/allowance.js";
import { type JobSummary, type JobView, jobSummary, jobView } from "../component/model/jobView.js";
import { type Auth, type CallerOf, identify, signedInUser } from "./caller.js";
import { exposeToken } from "./exposeToken.js";

export type ExposeOptions = {
  /** Who asks. Default: the user of `ctx.auth`. */
  auth?: Auth;
  /** Whether a browser without sign-in may have jobs, known by a token that it keeps. Default true. */
  anonymous?: boolean;
  /** How many rows there may be: see `DEFAULT_LIMITS`. */
  limits?: Partial<Limits>;
  /** For how many seconds a page's token is valid, where the API asks for access keys. Default 600. */
  tokenSeconds?: number;
};

const ownerToken = v.optional(v.string());
const access = { jobId: v.string(), ownerToken };
const cancelOutcome = v.object({
  outcome: v.union(v.literal("requested"), v.literal("cancelled"), v.literal("ended")),
});

/**
 * ```ts
 * export const { create, get, list, cancel, remove, token } = exposeApi(components.escriba);
 * ```
 */
export function exposeApi(component: ComponentApi, options: ExposeOptions = {}) {
  const { auth = signedInUser, anonymous = true, tokenSeconds = 600 } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  /** A caller whom the app does not know has no names, and so no rows. */
  const callerOf: CallerOf = async (ctx, token) => {
    const caller = await identify(ctx, auth, token);
    return caller.isAnonymous && !anonymous ? { ...caller, owners: [] } : caller;
  };
  const refusal = anonymous ? "Sign in, or give an ownerToken." : "Sign in first.";
  return {
    create: create(component, callerOf, limits, refusal),
    ...queries(component, callerOf),
    ...mutations(component, callerOf),
    token: exposeToken(component, callerOf, { seconds: tokenSeconds, limits, refusal }),
  };
}

/** Creates the row of a job, before the page sends the API anything. A second call changes nothing. */
const create = ({ jobs }: ComponentApi, callerOf: CallerOf, limits: Limits, refusal: string) =>
  mutationGeneric({
    args: { ...access, userId: v.optional(v.string()), filename: v.optional(v.string()) },
    returns: v.object({ created: v.boolean(), subject: v.optional(v.string()) }),
    handler: async (ctx, { ownerToken, ...job }): Promise<{ created: boolean; subject?: string }> => {
      const caller = await callerOf(ctx, ownerToken);
      if (caller.owners.length === 0) throw new ConvexError({ code: "not_signed_in", message: refusal });
      return await ctx.runMutation(jobs.create, { ...job, ...caller, limits });
    },
  });

const queries = ({ jobs }: ComponentApi, callerOf: CallerOf) => ({
  /** One job with its transcript; null when there is no such job of the caller's. */
  get: queryGeneric({
    args: access,
    returns: v.union(jobView, v.null()),
    handler: async (ctx, { jobId, ownerToken }): Promise<JobView | null> => {
      const { owners } = await callerOf(ctx, ownerToken);
      return await ctx.runQuery(jobs.get, { jobId, owners });
    },
  }),
  /** The caller's jobs without their transcripts, newest first. */
  list: queryGeneric({
    args: { ownerToken, limit: v.optional(v.number()) },
    returns: v.array(jobSummary),
    handler: async (ctx, { ownerToken, ...rest }): Promise<JobSummary[]> => {
      const { owners } = await callerOf(ctx, ownerToken);
      return await ctx.runQuery(jobs.list, { ...rest, owners });
    },
  }),
});

const mutations = ({ jobs }: ComponentApi, callerOf: CallerOf) => ({
  /** Notes that the owner asks to cancel the job. The API decides. */
  cancel: mutationGeneric({
    args: { ...access, run: v.optional(v.number()), unknownToApi: v.optional(v.boolean()) },
    returns: cancelOutcome,
    handler: async (ctx, { ownerToken, ...rest }): Promise<Infer<typeof cancelOutcome>> => {
      const { owners } = await callerOf(ctx, ownerToken);
      return await ctx.runMutation(jobs.cancel, { ...rest, owners });
    },
  }),
  /** Deletes the job's row and transcript; false when there is no such job of the caller's. */
  remove: mutationGeneric({
    args: access,
    returns: v.boolean(),
    handler: async (ctx, { jobId, ownerToken }): Promise<boolean> => {
      const { owners } = await callerOf(ctx, ownerToken);
      return await ctx.runMutation(jobs.remove, { jobId, owners });
    },
  }),
});
