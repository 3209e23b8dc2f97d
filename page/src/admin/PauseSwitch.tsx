/** Lets the server accept nothing new, with a reason, and ends that. */
import { useState } from "preact/hooks";
import { moment } from "../text/quantities";
import { asProblem, call, type Problem } from "./api";
import type { Reading } from "./nowStream";
import { ProblemBox } from "./ProblemBox";
import { useAdminText } from "./text";

/** `pause` is what the server last said; what was done here shows at once. */
export function PauseSwitch({ pause }: { pause: Reading["pause"] }) {
  const text = useAdminText();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [reason, setReason] = useState("");
  const [done, setDone] = useState<{ before: Reading["pause"]; after: Reading["pause"] } | null>(null);
  const shown = done && same(done.before, pause) ? done.after : pause;
  const change = async (method: "PUT" | "DELETE") => {
    try {
      const answer = await call<{ paused: boolean } & NonNullable<Reading["pause"]>>(
        method,
        "admin/pause",
        method === "PUT" ? { reason: reason.trim() || null } : undefined,
      );
      setDone({ before: pause, after: answer.paused ? answer : null });
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <div class={shown ? "notice bad pause" : "pause"}>
      <p class="wrap">
        {shown ? text.paused(shown.by, moment(Date.parse(shown.since), text.language, Date.now())) : text.accepting}
        {shown?.reason && ` ${shown.reason}`}
      </p>
      <form class="line" onSubmit={(event) => (event.preventDefault(), void change(shown ? "DELETE" : "PUT"))}>
        {!shown && (
          <input
            aria-label={text.pauseReason}
            placeholder={text.pauseReason}
            maxLength={200}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        )}
        <button type="submit">{shown ? text.resume : text.pause}</button>
      </form>
      <ProblemBox problem={problem} />
    </div>
  );
}

const same = (a: Reading["pause"], b: Reading["pause"]) => a?.since === b?.since;
