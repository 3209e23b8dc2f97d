/** What is left of the engine's quota, by window. */
import { stretch } from "../text/quantities";
import { Meter } from "./Facts";
import type { Reading } from "./nowStream";
import { useAdminText } from "./text";

type QuotaProps = { quota: Reading["quota"]; isKnown: boolean };

export function QuotaTable({ quota, isKnown }: QuotaProps) {
  const text = useAdminText();
  if (!quota) return <p class="dim">{isKnown ? text.noQuota : text.noStore}</p>;
  return Object.entries(quota).map(([name, { limit, remaining, fullInSeconds }]) => {
    const write = (value: number) =>
      name.startsWith("audio") ? stretch(value) : Math.floor(value).toLocaleString(text.language);
    const left = remaining > 0 ? write(remaining) : "0";
    const end = fullInSeconds > 0 ? text.fullIn(stretch(fullInSeconds)) : text.full;
    const says = `${text.of(left, write(limit))} · ${end}`;
    return <Meter key={name} label={text.windows[name] ?? name} value={remaining} most={limit} says={says} />;
  });
}
