/** The app: it installs the component, and gives it the variable that it needs. */
import { defineApp } from "convex/server";
import { v } from "convex/values";
import escriba from "escriba/convex.config";

const app = defineApp({ env: { ESCRIBA_API_KEY: v.optional(v.string()), ESCRIBA_API_URL: v.optional(v.string()) } });
app.use(escriba, { env: { ESCRIBA_API_URL: app.env.ESCRIBA_API_URL } });

export default app;
