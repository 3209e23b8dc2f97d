/** Whose something is, by the name of the key; and all keys to choose from. */
import { useLoaded } from "./api";
import type { AccessKey } from "./keyFields";
import { useAdminText } from "./text";

/** `nameOf` takes a key's id, or that with the user of its token. */
export function useKeyNames() {
  const text = useAdminText();
  const keys = useLoaded<{ keys: AccessKey[] }>("admin/keys").value?.keys ?? [];
  const nameOf = (owner: string) => {
    const [id, user] = splitOwner(owner);
    const name = text.clients[id] ?? keys.find(({ keyId }) => keyId === id)?.name ?? id;
    return user ? `${name} / ${user}` : name;
  };
  return { keys, nameOf };
}

function splitOwner(owner: string): [string, string] {
  const end = owner.indexOf("/");
  return end < 0 ? [owner, ""] : [owner.slice(0, end), owner.slice(end + 1)];
}
