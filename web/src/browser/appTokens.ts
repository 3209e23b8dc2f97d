/** Asks the app's Convex functions for the tokens of a page: see `exposeApi`. */
import type { GetToken } from "./accessTokens.js";
import { ApiError } from "./apiError.js";
import type { ConvexConnection } from "./convexConnection.js";
import type { ConvexLink } from "./convexLink.js";
import { sleep } from "./retry.js";
import { sentences } from "./sentences.js";

export type AppTokensContext = {
  link: ConvexLink | null;
  connection: ConvexConnection;
  ownerToken: () => string;
  graceMs: number;
  language: () => string | undefined;
};

/**
 * The deployment names a user only where the API asks for keys, so in other apps no page asks for a token. A page that
 * knows no user, because its row was refused or Convex was away, asks once the API has refused its request.
 */
export const tokensOfApp =
  (context: AppTokensContext): GetToken =>
  async ({ subject, isRefused }) => {
    const { link, ownerToken } = context;
    if (!link || (subject === undefined && !isRefused)) return null;
    try {
      const user = subject === undefined ? {} : { subject };
      return await whileUsable(() => link.token({ ownerToken: ownerToken(), ...user }), context);
    } catch (error) {
      if (isMissing(error)) return null;
      throw toApiError(error, context.language());
    }
  };

/** An absent Convex would not answer before it is back. */
async function whileUsable<T>(ask: () => Promise<T>, { connection, graceMs }: AppTokensContext): Promise<T> {
  let answer: Promise<{ value: T }> | undefined;
  while (connection.isUsable) {
    answer ??= ask().then((value) => ({ value }));
    const first = await Promise.race([answer, sleep(graceMs)]);
    if (first) return first.value;
  }
  answer?.catch(() => {}); // nobody waits for it any more
  throw new Error("Convex is away.");
}

/** The app has functions of its own, or exposes no `token`. */
const isMissing = (error: unknown): boolean => /Could not find (public )?function/.test(String(error));

function toApiError(error: unknown, language: string | undefined): ApiError {
  const { code, retryAfter } = (error as { data?: { code?: unknown; retryAfter?: unknown } }).data ?? {};
  const { notSignedIn, noToken } = sentences(language);
  if (code === "not_signed_in") return new ApiError(401, code, notSignedIn);
  return new ApiError(0, "token_unavailable", noToken, null, typeof retryAfter === "number" ? retryAfter : null);
}
