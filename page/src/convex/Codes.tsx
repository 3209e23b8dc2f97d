/** The code that makes two browsers one person's: this browser's to copy, another's to use. */
import { useState } from "preact/hooks";
import { useMessages } from "../text/language";
import { transcriptions } from "../jobs/pageJobs";
import { access, signOut } from "../server/access";
import { askNow } from "./follow";
import { ownCode, renewCode, takeCode } from "./person";
import { textOf } from "./text";

/** Out of sight at first: somebody may look over the shoulder. */
export function OwnCode() {
  const text = textOf(useMessages().language);
  const [code, setCode] = useState("");
  const [done, setDone] = useState<"copied" | "renewed" | null>(null);
  const copy = (shown: string) => {
    setCode(shown);
    // Without HTTPS there is no clipboard: then the code is shown, to be copied by hand.
    void navigator.clipboard?.writeText(shown).then(
      () => setDone("copied"),
      () => {},
    );
  };
  const renew = () => {
    renewCode();
    setCode(ownCode());
    setDone("renewed");
    askNow();
  };
  return (
    <div>
      <label>
        {text.code}
        <input readOnly value={code} spellcheck={false} onFocus={({ currentTarget }) => currentTarget.select()} />
      </label>
      <p class="dim">{text.codeHint}</p>
      <button type="button" onClick={() => setCode(ownCode())}>
        {text.show}
      </button>{" "}
      <button type="button" onClick={() => copy(ownCode())}>
        {text.copy}
      </button>
      <p role="status">{done && text[done]}</p>
      <p class="dim">
        <strong>{text.lost}</strong> {text.lostHint}
      </p>
      <button type="button" onClick={renew}>
        {text.renew}
      </button>
    </div>
  );
}

export function OtherCode() {
  const text = textOf(useMessages().language);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const result = join(String(new FormData(form).get("code")));
    if (result === "used") form.reset();
    setOutcome(result);
  };
  return (
    <form onSubmit={submit}>
      <label>
        {text.other}
        <input name="code" required autocomplete="off" spellcheck={false} />
      </label>
      <p class="dim">{text.otherHint}</p>
      <button type="submit">{text.use}</button>
      <p role="status" class={outcome && outcome !== "used" ? "problem-line" : ""}>
        {outcome && text[outcome]}
      </p>
    </form>
  );
}

type Outcome = "used" | "invalid" | "busy";

/** Who signed in by the page's password signs in again: the server then knows both browsers as one. */
function join(code: string): Outcome {
  const isBusy = transcriptions.state.jobs.some(({ status }) => !["completed", "failed", "cancelled"].includes(status));
  if (isBusy) return "busy";
  if (!takeCode(code)) return "invalid";
  if (access.value.key?.startsWith("est_")) signOut();
  askNow();
  return "used";
}
