/** The sign-in by access key, where the server asks for one. */
import { useState } from "preact/hooks";
import { access, signIn } from "../server/access";
import { useMessages } from "../text/language";
import { useSignal } from "./signal";

export function SignIn() {
  const text = useMessages();
  const { isRefused } = useSignal(access);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    const result = await signIn(String(fields.get("key")).trim(), fields.has("remember"));
    setBusy(false);
    setProblem(result === "wrong" ? text.keyWrong : result === "away" ? text.serverAway : null);
  };
  const shown = problem ?? (isRefused ? text.keyWrong : null);
  return (
    <form class="sign-in panel" onSubmit={submit}>
      <h1>{text.keyTitle}</h1>
      <p class="dim" id="key-hint">
        {text.keyHint}
      </p>
      <KeyField />
      <label class="check">
        <input type="checkbox" name="remember" /> {text.keyRemember}
      </label>
      {shown && (
        <p class="problem" role="alert">
          {shown}
        </p>
      )}
      <button type="submit" class="main" disabled={isBusy}>
        {text.signIn}
      </button>
    </form>
  );
}

function KeyField() {
  return (
    <label>
      {useMessages().key}
      <input
        name="key"
        type="password"
        autocomplete="current-password"
        aria-describedby="key-hint"
        required
        spellcheck={false}
      />
    </label>
  );
}
