/** The app: it installs the component, and gives it the variables that it needs. */
import { defineApp } from "convex/server";
import { v } from "convex/values";
import escriba from "escriba/convex.config";

const text = v.optional(v.string());
const app = defineApp({
  env: { ESCRIBA_API_KEY: text, ESCRIBA_API_URL: text, ESCRIBA_ACCESS_KEY: text, TOKEN_SECONDS: text },
});
app.use(escriba, {
  env: { ESCRIBA_API_URL: app.env.ESCRIBA_API_URL, ESCRIBA_ACCESS_KEY: app.env.ESCRIBA_ACCESS_KEY },
});

export default app;
