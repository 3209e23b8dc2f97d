/** What the server says of the open text: that its end is missing, that its speakers are in doubt. */
import { Icon } from "../app/Icon";
import { type Signal, useSignal } from "../app/signal";
import type { Warning } from "../model/warnings";
import { useMessages } from "../text/language";

/** A list that comes later, as with the speakers, is announced. */
export function WarningList({ warnings }: { warnings: Signal<readonly Warning[]> }) {
  const text = useMessages();
  const shown = useSignal(warnings);
  return (
    <div role="status">
      {shown.length > 0 && (
        <ul class="warnings" role="list" aria-label={text.warnings}>
          {shown.map(({ message, lang }, index) => (
            <li key={index} lang={lang}>
              <Icon name="warning" />
              <span class="wrap">{message}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
