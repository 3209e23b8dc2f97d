/** The app's own tables: none. The component has tables of its own, which no app can read. */
import { defineSchema } from "convex/server";

export default defineSchema({});
