/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as apply from "../apply.js";
import type * as crons from "../crons.js";
import type * as http from "../http.js";
import type * as jobs from "../jobs.js";
import type * as model_access from "../model/access.js";
import type * as model_apiRequest from "../model/apiRequest.js";
import type * as model_applySnapshot from "../model/applySnapshot.js";
import type * as model_jobVersion from "../model/jobVersion.js";
import type * as model_jobView from "../model/jobView.js";
import type * as model_result from "../model/result.js";
import type * as model_snapshot from "../model/snapshot.js";
import type * as reconcile from "../reconcile.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  apply: typeof apply;
  crons: typeof crons;
  http: typeof http;
  jobs: typeof jobs;
  "model/access": typeof model_access;
  "model/apiRequest": typeof model_apiRequest;
  "model/applySnapshot": typeof model_applySnapshot;
  "model/jobVersion": typeof model_jobVersion;
  "model/jobView": typeof model_jobView;
  "model/result": typeof model_result;
  "model/snapshot": typeof model_snapshot;
  reconcile: typeof reconcile;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
