/** A question before what cannot be undone. */
import { useEffect, useRef } from "preact/hooks";
import { signal, useSignal } from "../app/signal";
import { useAdminText } from "./text";

type Question = { title: string; detail: string; action: string; answer: (isSure: boolean) => void };

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
  useEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  if (!asked) return null;
  return (
    <dialog ref={dialog} class="panel" aria-labelledby="confirm-title" onClose={() => asked.answer(false)}>
      <h2 id="confirm-title" class="wrap">
        {asked.title}
      </h2>
      <p class="wrap">{asked.detail}</p>
      <div class="actions">
        <button type="button" onClick={() => asked.answer(false)}>
          {text.cancel}
        </button>
        <button type="button" class="main" onClick={() => asked.answer(true)}>
          {asked.action}
        </button>
      </div>
    </dialog>
  );
}
