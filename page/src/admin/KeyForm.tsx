/** The form of an access key: a new one, or changes of one that is. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { call } from "./api";
import { type AccessKey, bodyOf, dayOf, limitFields, scopeNames } from "./keyFields";
import { ProblemBox } from "./ProblemBox";
import { useAdminText } from "./text";
import { useAction } from "./useAction";

type FormProps = { edited: AccessKey | null; onEnd: (saved: AccessKey | null) => void };

/** `onEnd` gets the key as it is saved, or null where nothing was. */
export function KeyForm({ edited, onEnd }: FormProps) {
  const text = useAdminText();
  const { isBusy, problem, run } = useAction();
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next letter is typed.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const body = bodyOf(new FormData(event.currentTarget as HTMLFormElement));
    const [method, path] = edited ? ["PATCH", `admin/keys/${edited.keyId}`] : ["POST", "admin/keys"];
    const save = () => call<AccessKey>(method!, path!, body);
    void run(() => save().then((saved) => (dialog.current?.close(), onEnd(saved)))); // closed, it gives the focus back
  };
  return (
    <dialog ref={dialog} class="panel" aria-labelledby="key-title" onClose={() => onEnd(null)}>
      <form class="key-form" onSubmit={submit}>
        <h2 id="key-title" class="wrap">
          {edited ? text.changeKey(edited.name) : text.makeKey}
        </h2>
        <label>
          {text.keyName}
          <input name="name" required maxLength={80} value={edited?.name ?? ""} />
        </label>
        <Scopes chosen={edited?.scopes ?? ["transcribe", "read"]} />
        <Limits edited={edited} />
        <label>
          {text.expires}
          <input name="expiresAt" type="date" value={edited?.expiresAt ? dayOf(edited.expiresAt) : ""} />
        </label>
        <ProblemBox problem={problem} />
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {text.cancel}
          </button>
          <button type="submit" class="main" aria-disabled={isBusy}>
            {text.save}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function Scopes({ chosen }: { chosen: readonly string[] }) {
  const text = useAdminText();
  return (
    <fieldset>
      <legend>{text.mayDo}</legend>
      {scopeNames.map((name) => (
        <label key={name} class="check">
          <input type="checkbox" name="scopes" value={name} defaultChecked={chosen.includes(name)} />{" "}
          {text.scopes[name]}
        </label>
      ))}
    </fieldset>
  );
}

function Limits({ edited }: { edited: AccessKey | null }) {
  const text = useAdminText();
  return (
    <fieldset>
      <legend>{text.limitsTitle}</legend>
      <p class="dim">{text.limitsHint}</p>
      <div class="fields">
        {limitFields.map((name) => (
          <label key={name}>
            {text.limits[name]}
            <input name={name} type="number" min={1} step={1} value={edited?.limits?.[name] ?? ""} />
          </label>
        ))}
      </div>
    </fieldset>
  );
}
