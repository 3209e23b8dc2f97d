/** The component: an app installs it with `app.use(escriba, { env: { ESCRIBA_API_URL: app.env.ESCRIBA_API_URL } })`. */
import { defineComponent } from "convex/server";
import { v } from "convex/values";

export default defineComponent("escriba", {
  env: {
    /** Where the transcription API is. Without it nobody asks the API about jobs without news. */
    ESCRIBA_API_URL: v.optional(v.string()),
  },
});
