/** One request to the API about one job, and who answered it. */

/** The API's codes for a job that does not exist (any more). A 404 for an unknown address has another code. */
const UNKNOWN_JOB = ["job_not_found", "job_expired"];

/**
 * "unknown_job": the API has no such job. "error": the API answered with an error about this job. "timeout": no
 * answer came in time. "unreachable": something else than the API answered, or nothing did.
 */
export type ApiAnswer = { job: unknown } | "unknown_job" | "error" | "timeout" | "unreachable";

export async function requestJob(url: string, method: "GET" | "DELETE", timeoutMs: number): Promise<ApiAnswer> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    const response = await fetch(url, { method, headers: { accept: "application/json" }, signal: controller.signal });
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
