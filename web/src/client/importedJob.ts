/** A row of an app's own table as the component takes it. Pure; lenient, because such rows are years old. */
import { type JobError, type Snapshot } from "../job/snapshot.js";
import { NO_SEQ, STATUSES } from "../job/jobVersion.js";
import { ownerOfUserId } from "./caller.js";

/** A row of any table. */
export type OldRow = Record<string, unknown> & { _creationTime: number };

/** What an app says about a row where its own fields do not. */
export type Corrections = {
  jobId?: string;
  /** One of Escriba's statuses. */
  status?: string;
  /** The id of the row's user, as the app's `auth` gives it. */
  user?: string;
  /** The transcript as JSON text. */
  resultJson?: string;
};

export type ImportedJob = {
  snapshot: Omit<Snapshot, "result">;
  owner?: string;
  filename?: string;
  cancelRequestedAt?: number;
  presumed?: boolean;
};

/** The row, or why it cannot be imported. */
export function toImportedJob(row: OldRow, { user, ...corrections }: Corrections): ImportedJob | string {
  const { jobId, status: name, ...fields } = { ...row, ...corrections };
  if (typeof jobId !== "string" || jobId === "" || jobId.length > 256) return "jobId must be a string";
  const status = STATUSES.find((known) => known === name);
  if (!status) return `status must be one of ${STATUSES.join(", ")}`;
  const owner = ownerOf(row, user);
  const labels = {
    ...(owner === undefined ? {} : { owner }),
    ...optional("filename", text(row.filename)),
    ...optional("cancelRequestedAt", number(row.cancelRequestedAt)),
    ...(row.presumed === true ? { presumed: true } : {}),
  };
  return { snapshot: { ...toSnapshot(row, fields), jobId, status }, ...labels };
}

/** As the copied functions decided: by `owner`, else by the signed-in user whose id is `userId`, else nobody yet. */
function ownerOf({ owner, userId }: OldRow, user: string | undefined): string | undefined {
  if (user !== undefined) return `user:${user}`;
  if (typeof owner === "string") return owner;
  return typeof userId === "string" ? ownerOfUserId(userId) : undefined;
}

function toSnapshot(row: OldRow, fields: Record<string, unknown>) {
  return {
    ...optional("userId", text(row.userId)),
    run: number(fields.run) ?? 1,
    seq: number(fields.seq) ?? NO_SEQ,
    stage: text(fields.stage) ?? null,
    progress: Math.min(100, Math.max(0, number(fields.progress) ?? 0)),
    chunks: toChunks(fields.chunks),
    waitingUntil: number(fields.waitingUntil) ?? null,
    error: toError(fields.error),
    createdAt: number(fields.createdAt) ?? row._creationTime,
    startedAt: number(fields.startedAt) ?? null,
    completedAt: number(fields.completedAt) ?? null,
  };
}

function toChunks(value: unknown): Snapshot["chunks"] {
  const { done, total } = (value ?? {}) as Record<string, unknown>;
  return typeof done === "number" ? { done, total: number(total) ?? null } : null;
}

function toError(value: unknown): JobError | null {
  if (typeof value === "string") return { code: "unknown", message: value, retryable: false };
  const { code, message, hint, retryable } = (value ?? {}) as Record<string, unknown>;
  if (typeof message !== "string") return null;
  return { code: text(code) ?? "unknown", message, ...optional("hint", text(hint)), retryable: retryable === true };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

const optional = <Name extends string, Value>(name: Name, value: Value | undefined): { [N in Name]?: Value } =>
  (value === undefined ? {} : { [name]: value }) as { [N in Name]?: Value };
