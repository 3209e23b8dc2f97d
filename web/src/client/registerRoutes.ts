/** `POST /transcription-jobs`: the transcription API sends the snapshots of its jobs to this route of the app. */
import { type GenericActionCtx, type GenericDataModel, type HttpRouter, httpActionGeneric } from "convex/server";
import type { ComponentApi } from "../component/_generated/component.js";
import { isInline } from "../job/resultSize.js";
import { InvalidSnapshot, type Snapshot, parseSnapshot } from "../job/snapshot.js";
import { hasKey } from "./bearerKey.js";

export type RouteOptions = {
  /** Default `/transcription-jobs`, which is where the API posts to. */
  path?: string;
  /** The key that the API sends. Default: the deployment's variable ESCRIBA_API_KEY. */
  key?: () => string | undefined;
};

type Outcome =
  { ok: true; outcome: string; status: string; seq: number } | { ok: false; code: "job_not_found" | "user_mismatch" };

/** Bytes. Below the limit of Convex, so that the answer is ours and says why. */
const LARGEST_BODY = 16 * 1024 * 1024;

const SENTENCES = {
  job_not_found: "There is no row for this job (yet).",
  user_mismatch: "This job's row names another userId.",
};

export function registerRoutes(http: HttpRouter, component: ComponentApi, options: RouteOptions = {}): void {
  const { path = "/transcription-jobs", key = keyOfDeployment } = options;
  const handler = httpActionGeneric(async (ctx, request) => {
    const secret = key();
    if (!secret) return refuse(503, "not_configured", "ESCRIBA_API_KEY is not set on this deployment.");
    if (!(await hasKey(request, secret))) return refuse(401, "unauthorized", "The key is missing or wrong.");
    const snapshot = await readSnapshot(request);
    if (snapshot instanceof Response) return snapshot;
    const outcome = await passOn(ctx, component, snapshot);
    if (outcome.ok) return json(200, outcome);
    return refuse(outcome.code === "job_not_found" ? 404 : 403, outcome.code, SENTENCES[outcome.code]);
  });
  http.route({ path, method: "POST", handler });
}

/** A large transcript goes to an action of the component, because only that can store a file there. */
async function passOn(
  ctx: GenericActionCtx<GenericDataModel>,
  { snapshots }: ComponentApi,
  { result, ...snapshot }: Snapshot,
): Promise<Outcome> {
  if (result === null) return await ctx.runMutation(snapshots.apply, { snapshot });
  const resultJson = JSON.stringify(result);
  if (isInline(resultJson)) return await ctx.runMutation(snapshots.apply, { snapshot, resultJson });
  return await ctx.runAction(snapshots.applyLarge, { snapshot, resultJson });
}

/** The snapshot in the body, or the response that refuses the body. */
async function readSnapshot(request: Request): Promise<Snapshot | Response> {
  if (Number(request.headers.get("content-length") ?? 0) > LARGEST_BODY) return tooLarge();
  const body = await request.blob();
  if (body.size > LARGEST_BODY) return tooLarge();
  try {
    return parseSnapshot(JSON.parse(await body.text()));
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(400, "invalid_json", "The body is not JSON.");
    if (error instanceof InvalidSnapshot) return refuse(400, "invalid_snapshot", error.message);
    throw error;
  }
}

const keyOfDeployment = () =>
  (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env.ESCRIBA_API_KEY;

const tooLarge = () => refuse(413, "too_large", `The body is larger than ${LARGEST_BODY} bytes.`);

const refuse = (status: number, code: string, message: string) => json(status, { ok: false, error: { code, message } });

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
