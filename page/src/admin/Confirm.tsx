/** A question before what cannot be undone. It closes itself, so that the focus returns to where it was. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { signal, useSignal } from "../app/signal";
import { useAdminText } from "./text";

type Question = { title: string; detail: string; action: string; answer: (isSure: boolean) => void };

const YES = "yes";

const question = signal<Question | null>(null);

/** Resolves to whether the person said yes. */
export const confirmed = (asked: Omit<Question, "answer">): Promise<boolean> =>
  new Promise((resolve) => {
    question.set({
      ...asked,
      answer(isSure) {
        question.set(null);
        resolve(isSure);
      },
    });
  });

export function ConfirmDialog() {
  const text = useAdminText();
  const asked = useSignal(question);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  if (!asked) return null;
  return (
    <dialog
      ref={dialog}
      class="panel"
      aria-labelledby="confirm-title"
      onClose={() => asked.answer(dialog.current?.returnValue === YES)}
    >
      <h2 id="confirm-title" class="wrap">
        {asked.title}
      </h2>
      <p class="wrap">{asked.detail}</p>
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {text.cancel}
        </button>
        <button type="button" class="main" onClick={() => dialog.current?.close(YES)}>
          {asked.action}
        </button>
      </div>
    </dialog>
  );
}
