/** What an app's Convex functions import from "escriba": the component's client. */
export type { ComponentApi } from "../component/_generated/component.js";
export { DEFAULT_LIMITS, type Limits } from "../component/model/allowance.js";
export type { JobSummary, JobView } from "../component/model/jobView.js";
export { type Auth, signedInUser } from "./caller.js";
export { type ExposeOptions, exposeApi } from "./exposeApi.js";
export { type ImportOptions, type ImportSummary, importJobs } from "./importJobs.js";
export type { Corrections, OldRow } from "./importedJob.js";
export { type RouteOptions, registerRoutes } from "./registerRoutes.js";
