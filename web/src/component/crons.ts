/** Once a day: sets an alarm that was lost, and deletes what nobody uses any more. */
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api.js";

const crons = cronJobs();

crons.interval("tidy up", { hours: 24 }, internal.reconcile.tidy, {});

export default crons;
