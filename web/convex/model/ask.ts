/** One question to the API about one job, and whose word the answer is. */

/** A sleeping container needs some seconds to rise. */
const ANSWER_WITHIN = 25_000;

/** What the API says of a job that is no more; its 404 for an address it does not have is another. */
const NO_MORE = ["job_not_found", "job_expired"];

/** "unknown": there is no such job. "failed": the API could not tell of this one. "away": it was not the API. */
export type Answer = { job: unknown } | "unknown" | "failed" | "away";

export async function askAbout(url: string, method: "GET" | "DELETE"): Promise<Answer> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ANSWER_WITHIN);
  try {
    const response = await fetch(url, { method, headers: { accept: "application/json" }, signal: patience.signal });
    const body: unknown = await response.json();
    if (response.ok) return { job: body };
    // A proxy before a sleeping or moved API answers 404 and 5xx too, but not in the API's own form.
    const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
    if (typeof code !== "string") return "away";
    return [404, 410].includes(response.status) && NO_MORE.includes(code) ? "unknown" : "failed";
  } catch {
    return "away";
  } finally {
    clearTimeout(timer);
  }
}
