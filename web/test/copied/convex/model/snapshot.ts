/**
 * The API's snapshot of a job, parsed from the two forms that the API sends it in. Strict, because nothing between
 * the network and the table checks the fields again.
 */
import { STATUSES, type Status } from "./jobVersion.js";

export type JobError = { code: string; message: string; hint?: string; retryable: boolean };

export type Snapshot = {
  jobId: string;
  userId?: string;
  run: number;
  seq: number;
  status: Status;
  stage: string | null;
  progress: number;
  chunks: { done: number; total: number | null } | null;
  waitingUntil: number | null;
  error: JobError | null;
  /** The transcript, as the API wrote it; null until there is one. */
  result: unknown;
  createdAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
};

/** The body is not a snapshot. The message names the field and the reason, for the sender's log. */
export class InvalidSnapshot extends Error {
  override name = "InvalidSnapshot";
}

type Fields = Record<string, unknown>;
type ReadTime = (value: unknown, field: string) => number;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const LATEST_TIME = 8.64e15; // what a Date can hold

export const isJobId = (value: unknown): value is string => typeof value === "string" && UUID.test(value);

/** Reads the body of `POST /transcription-jobs`: times are epoch milliseconds under `timestamps`. */
export function parseSnapshot(body: unknown): Snapshot {
  const fields = object(body, "the body");
  const times = fields.timestamps == null ? {} : object(fields.timestamps, "timestamps");
  return read(fields, times, "timestamps.", (value, field) => number(value, field, 0, LATEST_TIME));
}

/** Reads the answer of `GET /job/{id}`: times are ISO 8601 strings beside the other fields. */
export function parseJobView(body: unknown): Snapshot {
  const fields = object(body, "the job");
  return read(fields, fields, "", (value, field) => {
    const time = Date.parse(text(value, field, 64));
    if (Number.isNaN(time)) throw new InvalidSnapshot(`${field} must be an ISO 8601 time`);
    return time;
  });
}

function read(fields: Fields, times: Fields, prefix: string, time: ReadTime): Snapshot {
  if (!isJobId(fields.jobId)) throw new InvalidSnapshot("jobId must be a UUID");
  const status = STATUSES.find((known) => known === fields.status);
  if (!status) throw new InvalidSnapshot(`status must be one of ${STATUSES.join(", ")}`);
  return {
    jobId: fields.jobId,
    ...(fields.userId == null ? {} : { userId: text(fields.userId, "userId", 256) }),
    run: fields.run == null ? 1 : integer(fields.run, "run", 1),
    seq: integer(fields.seq, "seq", 0),
    status,
    stage: optional(fields.stage, (value) => text(value, "stage", 64)),
    progress: number(fields.progress, "progress", 0, 100),
    chunks: optional(fields.chunks, chunks),
    waitingUntil: optional(fields.waitingUntil, (value) => time(value, "waitingUntil")),
    error: optional(fields.error, jobError),
    result: fields.result ?? null,
    createdAt: optional(times.createdAt, (value) => time(value, `${prefix}createdAt`)),
    startedAt: optional(times.startedAt, (value) => time(value, `${prefix}startedAt`)),
    completedAt: optional(times.completedAt, (value) => time(value, `${prefix}completedAt`)),
  };
}

function chunks(value: unknown) {
  const fields = object(value, "chunks");
  return {
    done: integer(fields.done, "chunks.done", 0),
    total: optional(fields.total, (value) => integer(value, "chunks.total", 0)),
  };
}

function jobError(value: unknown): JobError {
  const fields = object(value, "error");
  if (fields.retryable != null && typeof fields.retryable !== "boolean") {
    throw new InvalidSnapshot("error.retryable must be a boolean");
  }
  return {
    code: text(fields.code, "error.code", 128),
    message: text(fields.message, "error.message", 8192),
    ...(fields.hint == null ? {} : { hint: text(fields.hint, "error.hint", 8192) }),
    retryable: fields.retryable === true,
  };
}

const optional = <T>(value: unknown, parse: (value: unknown) => T): T | null => (value == null ? null : parse(value));

function object(value: unknown, field: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidSnapshot(`${field} must be an object`);
  }
  return value as Fields;
}

function text(value: unknown, field: string, longest: number): string {
  if (typeof value !== "string" || value.length > longest) {
    throw new InvalidSnapshot(`${field} must be a string of at most ${longest} characters`);
  }
  return value;
}

function number(value: unknown, field: string, least: number, most: number): number {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw new InvalidSnapshot(`${field} must be a number from ${least} to ${most}`);
  }
  return value;
}

function integer(value: unknown, field: string, least: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new InvalidSnapshot(`${field} must be a whole number, ${least} or more`);
  }
  return value as number;
}
