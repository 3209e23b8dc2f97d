/** How often the deployment asks the API about jobs without news. */
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("ask about jobs without news", { minutes: 2 }, internal.reconcile.start, {});

export default crons;
