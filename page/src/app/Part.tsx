/** A part of the page that is loaded when it is first shown, so that the first load stays small. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useMessages } from "../text/language";

type PartProps<Props> = { load: () => Promise<ComponentType<Props>>; props: Props };

/** `load` must be the same function each time. Where the part cannot be had, a sentence says so and offers to reload. */
export function Part<Props extends object>({ load, props }: PartProps<Props>) {
  const text = useMessages();
  const [Shown, setShown] = useState<ComponentType<Props> | null>(null);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    load().then(
      (part) => setShown(() => part),
      () => setMissing(true),
    );
  }, [load]);
  if (Shown) return <Shown {...props} />;
  if (!isMissing) return <p class="dim">{text.loading}</p>;
  // A browser remembers a module that failed, and a newer page names its parts otherwise: only a reload asks anew.
  return (
    <p class="notice bad" role="alert">
      {text.partMissing} <button onClick={() => location.reload()}>{text.reload}</button>
    </p>
  );
}
