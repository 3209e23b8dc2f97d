/** One question to the API about one job, and whose word the answer is. */

/** What the API says of a job that is no more; its 404 for an address it does not have is another. */
const NO_MORE = ["job_not_found", "job_expired"];

/** "unknown": there is no such job. "failed": the API could not tell of this one. "timeout": nothing came in time. "away": it was not the API. */
export type Answer = { job: unknown } | "unknown" | "failed" | "timeout" | "away";

export async function requestJob(url: string, method: "GET" | "DELETE", timeoutMs: number): Promise<Answer> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), timeoutMs);
  try {
    const response = await fetch(url, { method, headers: { accept: "application/json" }, signal: patience.signal });
    const body: unknown = await response.json();
    if (response.ok) return { job: body };
    // A proxy before a sleeping or moved API answers 404 and 5xx too, but not in the API's own form.
    const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
    if (typeof code !== "string") return "away";
    return [404, 410].includes(response.status) && NO_MORE.includes(code) ? "unknown" : "failed";
  } catch {
    return patience.signal.aborted ? "timeout" : "away";
  } finally {
    clearTimeout(timer);
  }
}
