/** The sign-in by the page's password or by an access key, where the server asks for one. */
import { useState } from "preact/hooks";
import { useSignal } from "../app/signal";
import { access, type Refusal, signIn } from "../server/access";
import { limits } from "../server/limits";
import { useMessages } from "../text/language";
import * as texts from "./text";

export function SignIn() {
  const text = useMessages();
  const own = texts[text.language];
  const { isRefused } = useSignal(access);
  const ways = useSignal(limits)?.signIn ?? ["key"];
  const way = ways.length > 1 ? "both" : (ways[0] ?? "key");
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setRefusal(await signIn(String(fields.get("secret")).trim(), fields.has("remember"), ways));
    setBusy(false);
  };
  const problem = refusal ? sentence(refusal, own.wrong[way], text.serverAway, own) : isRefused ? own.ended : null;
  return (
    <form class="sign-in panel" onSubmit={submit}>
      <h1>{own.titles[way]}</h1>
      <p class="dim" id="sign-in-hint">
        {own.hints[way]}
      </p>
      <SecretField label={own.labels[way]} />
      <label class="check">
        <input type="checkbox" name="remember" /> {own.remember}
      </label>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" class="main" aria-disabled={isBusy}>
        {text.signIn}
      </button>
    </form>
  );
}

function sentence(refusal: Refusal, wrong: string, away: string, own: typeof texts.en): string {
  if (refusal.kind === "tooMany") return own.tooMany(refusal.seconds);
  return refusal.kind === "wrong" ? wrong : away;
}

function SecretField({ label }: { label: string }) {
  return (
    <label>
      {label}
      <input
        name="secret"
        type="password"
        autocomplete="current-password"
        aria-describedby="sign-in-hint"
        required
        spellcheck={false}
      />
    </label>
  );
}
