/** `POST /transcription-jobs`: the transcription API sends the snapshots of its jobs here. */
import { httpRouter } from "convex/server";
import { env, httpAction } from "./_generated/server";
import { applySnapshot } from "./model/applySnapshot";
import { InvalidSnapshot, type Snapshot, parseSnapshot } from "./model/snapshot";

/** Bytes. Below the limit of Convex, so that the answer is ours and says why. */
const LARGEST_BODY = 16 * 1024 * 1024;

const SENTENCES = {
  job_not_found: "There is no row for this job (yet).",
  user_mismatch: "This job's row names another userId.",
};

const router = httpRouter();

router.route({
  path: "/transcription-jobs",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const secret = env.ESCRIBA_API_KEY;
    if (!secret) return refuse(503, "not_configured", "ESCRIBA_API_KEY is not set on this deployment.");
    if (!(await hasKey(request, secret))) return refuse(401, "unauthorized", "The key is missing or wrong.");
    const snapshot = await readSnapshot(request);
    if (snapshot instanceof Response) return snapshot;
    const outcome = await applySnapshot(ctx, snapshot);
    if (outcome.ok) return json(200, outcome);
    return refuse(outcome.code === "job_not_found" ? 404 : 403, outcome.code, SENTENCES[outcome.code]);
  }),
});

export default router;

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

const tooLarge = () => refuse(413, "too_large", `The body is larger than ${LARGEST_BODY} bytes.`);

const refuse = (status: number, code: string, message: string) => json(status, { ok: false, error: { code, message } });

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** Compares in constant time: digests are equally long, and the loop reads every byte. */
async function hasKey(request: Request, secret: string): Promise<boolean> {
  const [scheme, key = ""] = (request.headers.get("authorization") ?? "").split(" ", 2);
  if (scheme?.toLowerCase() !== "bearer") return false;
  const [a, b] = await Promise.all(
    [key, secret].map(async (text) => {
      return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    }),
  );
  return a!.reduce((difference, byte, i) => difference | (byte ^ b![i]!), 0) === 0;
}
