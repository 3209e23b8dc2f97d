/* eslint-disable */
/**
 * Generated `ComponentApi` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type { FunctionReference } from "convex/server";

/** The functions of the component, as an app calls them: `components.escriba`. */
export type ComponentApi<Name extends string | undefined = string | undefined> =
  {
    imports: {
      advance: FunctionReference<
        "mutation",
        "internal",
        {
          source: string;
          cursor: string | null;
          isDone: boolean;
          imported: number;
          known: number;
        },
        null,
        Name
      >;
      state: FunctionReference<
        "query",
        "internal",
        { source: string },
        {
          cursor: string | null;
          isDone: boolean;
          imported: number;
          known: number;
        },
        Name
      >;
      take: FunctionReference<
        "mutation",
        "internal",
        {
          jobs: Array<{
            snapshot: {
              jobId: string;
              userId?: string;
              run: number;
              seq: number;
              status:
                | "pending"
                | "queued"
                | "processing"
                | "waiting"
                | "completed"
                | "failed"
                | "cancelled";
              stage: string | null;
              progress: number;
              chunks: { done: number; total: number | null } | null;
              waitingUntil: number | null;
              error: {
                code: string;
                message: string;
                hint?: string;
                retryable: boolean;
              } | null;
              createdAt: number | null;
              startedAt: number | null;
              completedAt: number | null;
            };
            owner?: string;
            filename?: string;
            cancelRequestedAt?: number;
            presumed?: boolean;
            resultJson?: string;
          }>;
        },
        number,
        Name
      >;
      takeTranscript: FunctionReference<
        "action",
        "internal",
        { jobId: string; resultJson: string },
        null,
        Name
      >;
    };
    jobs: {
      cancel: FunctionReference<
        "mutation",
        "internal",
        {
          jobId: string;
          owners: Array<string>;
          run?: number;
          unknownToApi?: boolean;
        },
        { outcome: "requested" | "cancelled" | "ended" },
        Name
      >;
      create: FunctionReference<
        "mutation",
        "internal",
        {
          jobId: string;
          owners: Array<string>;
          userId?: string;
          filename?: string;
          isAnonymous: boolean;
          limits: {
            rows: number;
            perMinute: number;
            anonymousPerMinute: number;
          };
        },
        { created: boolean; subject?: string },
        Name
      >;
      get: FunctionReference<
        "query",
        "internal",
        { jobId: string; owners: Array<string> },
        {
          jobId: string;
          filename: string | null;
          status:
            | "pending"
            | "queued"
            | "processing"
            | "waiting"
            | "completed"
            | "failed"
            | "cancelled";
          stage: string | null;
          progress: number;
          run: number;
          seq: number;
          presumed: boolean;
          chunks: { done: number; total: number | null } | null;
          waitingUntil: number | null;
          error: {
            code: string;
            message: string;
            hint?: string;
            retryable: boolean;
          } | null;
          cancelRequested: boolean;
          createdAt: number;
          startedAt: number | null;
          completedAt: number | null;
          updatedAt: number;
          resultJson: string | null;
          resultUrl: string | null;
        } | null,
        Name
      >;
      list: FunctionReference<
        "query",
        "internal",
        { owners: Array<string>; limit?: number },
        Array<{
          jobId: string;
          filename: string | null;
          status:
            | "pending"
            | "queued"
            | "processing"
            | "waiting"
            | "completed"
            | "failed"
            | "cancelled";
          stage: string | null;
          progress: number;
          run: number;
          seq: number;
          presumed: boolean;
          chunks: { done: number; total: number | null } | null;
          waitingUntil: number | null;
          error: {
            code: string;
            message: string;
            hint?: string;
            retryable: boolean;
          } | null;
          cancelRequested: boolean;
          createdAt: number;
          startedAt: number | null;
          completedAt: number | null;
          updatedAt: number;
        }>,
        Name
      >;
      remove: FunctionReference<
        "mutation",
        "internal",
        { jobId: string; owners: Array<string> },
        boolean,
        Name
      >;
    };

    snapshots: {
      apply: FunctionReference<
        "mutation",
        "internal",
        {
          snapshot: {
            jobId: string;
            userId?: string;
            run: number;
            seq: number;
            status:
              | "pending"
              | "queued"
              | "processing"
              | "waiting"
              | "completed"
              | "failed"
              | "cancelled";
            stage: string | null;
            progress: number;
            chunks: { done: number; total: number | null } | null;
            waitingUntil: number | null;
            error: {
              code: string;
              message: string;
              hint?: string;
              retryable: boolean;
            } | null;
            createdAt: number | null;
            startedAt: number | null;
            completedAt: number | null;
          };
          resultJson?: string;
        },
        | {
            ok: true;
            outcome: "applied" | "duplicate" | "stale";
            status:
              | "pending"
              | "queued"
              | "processing"
              | "waiting"
              | "completed"
              | "failed"
              | "cancelled";
            seq: number;
          }
        | { ok: false; code: "job_not_found" | "user_mismatch" },
        Name
      >;
      applyLarge: FunctionReference<
        "action",
        "internal",
        {
          snapshot: {
            jobId: string;
            userId?: string;
            run: number;
            seq: number;
            status:
              | "pending"
              | "queued"
              | "processing"
              | "waiting"
              | "completed"
              | "failed"
              | "cancelled";
            stage: string | null;
            progress: number;
            chunks: { done: number; total: number | null } | null;
            waitingUntil: number | null;
            error: {
              code: string;
              message: string;
              hint?: string;
              retryable: boolean;
            } | null;
            createdAt: number | null;
            startedAt: number | null;
            completedAt: number | null;
          };
          resultJson: string;
        },
        | {
            ok: true;
            outcome: "applied" | "duplicate" | "stale";
            status:
              | "pending"
              | "queued"
              | "processing"
              | "waiting"
              | "completed"
              | "failed"
              | "cancelled";
            seq: number;
          }
        | { ok: false; code: "job_not_found" | "user_mismatch" },
        Name
      >;
    };
    tokens: {
      issue: FunctionReference<
        "action",
        "internal",
        {
          owner: string;
          seconds: number;
          caller: string;
          isAnonymous: boolean;
          limits: {
            rows: number;
            perMinute: number;
            anonymousPerMinute: number;
          };
        },
        { token: string; expiresIn: number; subject: string } | null,
        Name
      >;
    };
  };
