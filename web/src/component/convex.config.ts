/** The component: an app installs it with `app.use(escriba, { env: { … } })`. */
import { defineComponent } from "convex/server";
import { v } from "convex/values";

export default defineComponent("escriba", {
  env: {
    /** Where the transcription API is. Without it nobody asks the API about jobs without news. */
    ESCRIBA_API_URL: v.optional(v.string()),
    /** A key of the API with the scopes `read` and `transcribe`, where the API asks for keys. */
    ESCRIBA_ACCESS_KEY: v.optional(v.string()),
  },
});
