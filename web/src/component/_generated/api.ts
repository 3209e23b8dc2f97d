/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type * as crons from "../crons.js";
import type * as imports from "../imports.js";
import type * as jobs from "../jobs.js";
import type * as model_abandonedRows from "../model/abandonedRows.js";
import type * as model_alarm from "../model/alarm.js";
import type * as model_allowance from "../model/allowance.js";
import type * as model_apiRequest from "../model/apiRequest.js";
import type * as model_applySnapshot from "../model/applySnapshot.js";
import type * as model_checkTime from "../model/checkTime.js";
import type * as model_jobView from "../model/jobView.js";
import type * as model_row from "../model/row.js";
import type * as model_sha256 from "../model/sha256.js";
import type * as model_snapshotWriter from "../model/snapshotWriter.js";
import type * as model_subject from "../model/subject.js";
import type * as model_tokenRequest from "../model/tokenRequest.js";
import type * as model_transcript from "../model/transcript.js";
import type * as reconcile from "../reconcile.js";
import type * as snapshots from "../snapshots.js";
import type * as tokens from "../tokens.js";
import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import { anyApi, componentsGeneric } from "convex/server";

const fullApi: ApiFromModules<{
  crons: typeof crons;
  imports: typeof imports;
  jobs: typeof jobs;
  "model/abandonedRows": typeof model_abandonedRows;
  "model/alarm": typeof model_alarm;
  "model/allowance": typeof model_allowance;
  "model/apiRequest": typeof model_apiRequest;
  "model/applySnapshot": typeof model_applySnapshot;
  "model/checkTime": typeof model_checkTime;
  "model/jobView": typeof model_jobView;
  "model/row": typeof model_row;
  "model/sha256": typeof model_sha256;
  "model/snapshotWriter": typeof model_snapshotWriter;
  "model/subject": typeof model_subject;
  "model/tokenRequest": typeof model_tokenRequest;
  "model/transcript": typeof model_transcript;
  reconcile: typeof reconcile;
  snapshots: typeof snapshots;
  tokens: typeof tokens;
}> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's public API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
export const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's internal API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = internal.myModule.myFunction;
 * ```
 */
export const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
> = anyApi as any;

export const components = componentsGeneric() as unknown as {};
