/** Who may sign in: the users of the provider at SIGN_IN_URL. `ctx.auth` then names them, and `exposeApi` asks it. */
import type { AuthConfig } from "convex/server";

declare const process: { env: Record<string, string> };
const issuer = process.env.SIGN_IN_URL!;

export default {
  providers: [
    {
      ...{ type: "customJwt", algorithm: "RS256", applicationID: "escriba-example" },
      ...{ issuer, jwks: `${issuer}/.well-known/jwks.json` },
    },
  ],
} satisfies AuthConfig;
