/** Why something was refused, in the server's own words. */
import type { Problem } from "./api";

export function ProblemBox({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  return (
    <div class="problem" role="alert">
      <p class="wrap">{problem.message}</p>
      {problem.hint && <p class="wrap dim">{problem.hint}</p>}
    </div>
  );
}
