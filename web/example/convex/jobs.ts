/** What a page may do with its jobs. The callers are the users of `ctx.auth`, and browsers without sign-in. */
import { exposeApi } from "escriba";
import { components } from "./_generated/api";
import { env } from "./_generated/server";

export const { create, get, list, cancel, remove, token } = exposeApi(components.escriba, {
  tokenSeconds: Number(env.TOKEN_SECONDS || 600), // the default; a test wants shorter ones
  limits: { rows: 10_000, perMinute: 1_000, anonymousPerMinute: 1_000 }, // people drop whole folders on this page
});
