/** One thing that an admin does: while it is done, what came of it, and the server's refusal. */
import { useState } from "preact/hooks";
import { asProblem, type Problem } from "./api";

export type Action = {
  isBusy: boolean;
  problem: Problem | null;
  run: (work: () => Promise<unknown>) => Promise<boolean>;
};

export function useAction(): Action {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (work: () => Promise<unknown>) => {
    if (isBusy) return false; // its button keeps the focus, and so cannot be disabled
    setBusy(true);
    const refused = await work().then(
      () => null,
      (error: unknown) => asProblem(error),
    );
    setBusy(false);
    setProblem(refused);
    return refused === null;
  };
  return { isBusy, problem, run };
}
