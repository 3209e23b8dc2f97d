/** The access keys: made, shown once, changed, revoked. */
import { useState } from "preact/hooks";
import { moment } from "../text/quantities";
import { call, useLoaded } from "./api";
import { confirmed } from "./Confirm";
import { KeyForm } from "./KeyForm";
import { type AccessKey, limitFields } from "./keyFields";
import { ProblemBox } from "./ProblemBox";
import { type AdminText, useAdminText } from "./text";
import { useAction } from "./useAction";

export function KeysView() {
  const text = useAdminText();
  const { value, problem, reload } = useLoaded<{ keys: AccessKey[] }>("admin/keys");
  const [edited, setEdited] = useState<AccessKey | "new" | null>(null);
  const [made, setMade] = useState<AccessKey | null>(null);
  const finish = (key: AccessKey | null) => {
    setEdited(null);
    if (key?.key) setMade(key);
    if (key) void reload();
  };
  const keys = [...(value?.keys ?? [])].reverse();
  return (
    <>
      <button type="button" class="main" onClick={() => setEdited("new")}>
        {text.makeKey}
      </button>
      {made && <KeyOnce made={made} onClose={() => setMade(null)} />}
      {edited && <KeyForm edited={edited === "new" ? null : edited} onEnd={finish} />}
      <ProblemBox problem={problem} />
      {value && keys.length === 0 && <p class="dim">{text.noKeys}</p>}
      <ul class="cards list">
        {keys.map((key) => (
          <KeyCard key={key.keyId} shown={key} onEdit={() => setEdited(key)} onChange={() => void reload()} />
        ))}
      </ul>
    </>
  );
}

/** The only time that the key itself is seen. */
function KeyOnce({ made, onClose }: { made: AccessKey; onClose: () => void }) {
  const text = useAdminText();
  const [isCopied, setCopied] = useState(false);
  const copy = () =>
    navigator.clipboard.writeText(made.key!).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <div class="notice once" role="status">
      <p>{text.keyOnce(made.name)}</p>
      <p>
        <code class="wrap">{made.key}</code>
      </p>
      {made.webhookSecret && (
        <p>
          {text.webhookSecret} <code class="wrap">{made.webhookSecret}</code>
        </p>
      )}
      <div class="actions">
        <button type="button" class="main" onClick={() => void copy()}>
          {isCopied ? text.copied : text.copy}
        </button>
        <button type="button" onClick={onClose}>
          {text.close}
        </button>
      </div>
    </div>
  );
}

type CardProps = { shown: AccessKey; onEdit: () => void; onChange: () => void };

function KeyCard({ shown: key, onEdit, onChange }: CardProps) {
  const text = useAdminText();
  const { isBusy, problem, run } = useAction();
  const revoke = async () => {
    const question = { title: text.revokeTitle(key.name), detail: text.revokeDetail, action: text.revoke };
    if (await confirmed(question)) await run(() => call("DELETE", `admin/keys/${key.keyId}`).then(onChange));
  };
  return (
    <li class="card" data-key={key.keyId}>
      <div class="card-head">
        <strong class="wrap" dir="auto">
          {key.name}
        </strong>
        <code>{key.keyId}</code>
      </div>
      <p class="dim wrap">{factsOf(key, text).join(" · ")}</p>
      <ProblemBox problem={problem} />
      {!key.revokedAt && (
        <div class="actions">
          <button type="button" aria-label={`${text.change}: ${key.name}`} onClick={onEdit}>
            {text.change}
          </button>
          <button
            type="button"
            disabled={isBusy}
            aria-label={`${text.revoke}: ${key.name}`}
            onClick={() => void revoke()}
          >
            {text.revoke}
          </button>
        </div>
      )}
    </li>
  );
}

function factsOf(key: AccessKey, text: AdminText & { language: string }): string[] {
  const day = (time: string) => moment(Date.parse(time), text.language, Date.now());
  const limits = limitFields.filter((name) => key.limits?.[name] !== undefined);
  return [
    key.scopes.map((scope) => text.scopes[scope as keyof typeof text.scopes] ?? scope).join(", "),
    ...limits.map((name) => `${text.limits[name]}: ${key.limits![name]!.toLocaleString(text.language)}`),
    text.madeAt(day(key.createdAt)),
    ...(key.expiresAt ? [text.endsAt(day(key.expiresAt))] : []),
    ...(key.revokedAt ? [text.revokedAt(day(key.revokedAt))] : []),
  ];
}
