/** The notices of `toastQueue.ts` on the screen. */
import { useMessages } from "../text/language";
import { Icon } from "./Icon";
import { useSignal } from "./signal";
import { closeToast, keep, resume, runAction, toasts } from "./toastQueue";

export function Toasts() {
  const shown = useSignal(toasts);
  const text = useMessages();
  return (
    <div class="toasts" role="status">
      {shown.map(({ id, text: sentence, action }) => (
        <div
          key={id}
          class="toast"
          onPointerEnter={() => keep(id)}
          onPointerLeave={() => resume(id)}
          onFocusIn={() => keep(id)}
          onFocusOut={() => resume(id)}
        >
          <span class="wrap">{sentence()}</span>
          {action && (
            <button type="button" class="plain" onClick={() => runAction(id)}>
              {action.label()}
            </button>
          )}
          <button type="button" class="icon" aria-label={text.dismiss} onClick={() => closeToast(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
