/** One request to the API about one job, and who answered it. */

/** The API's codes for a job that does not exist (any more). A 404 for an unknown address has another code. */
const UNKNOWN_JOB = ["job_not_found", "job_expired"];

/**
 * "unknown_job": the API has no such job. "error": the API answered with an error about this job. "timeout": no
 * answer came in time. "unreachable": something else than the API answered, or nothing did.
 */
export type ApiAnswer = { job: unknown } | "unknown_job" | "error" | "timeout" | "unreachable";

export type ApiAccess = { url: string; key: string | undefined; timeoutMs: number };

export async function requestJob(jobId: string, method: "GET" | "DELETE", api: ApiAccess): Promise<ApiAnswer> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), api.timeoutMs);
  const headers = { accept: "application/json", ...(api.key ? { authorization: `Bearer ${api.key}` } : {}) };
  try {
    const response = await fetch(`${api.url}/job/${jobId}`, { method, headers, signal: controller.signal });
    const body: unknown = await response.json();
    return response.ok ? { job: body } : classifyError(response.status, body);
  } catch {
    return controller.signal.aborted ? "timeout" : "unreachable";
  } finally {
    clearTimeout(timer);
  }
}

/** A proxy in front of a sleeping or moved API answers 404 and 5xx too, but not in the API's own form. */
function classifyError(status: number, body: unknown): ApiAnswer {
  const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
  if (typeof code !== "string") return "unreachable";
  return [404, 410].includes(status) && UNKNOWN_JOB.includes(code) ? "unknown_job" : "error";
}
