/** Asks for the recording again, where this browser has it no more. */
import { useRef } from "preact/hooks";
import { useMessages } from "../text/language";

export function AudioChooser({ onChoose }: { onChoose: (file: File) => void }) {
  const text = useMessages();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="player panel chooser" data-part="player">
      <p class="dim">{text.audioGone}</p>
      <input
        ref={input}
        type="file"
        hidden
        accept="audio/*,video/*"
        aria-label={text.audioChoose}
        onChange={({ currentTarget }) => currentTarget.files?.[0] && onChoose(currentTarget.files[0])}
      />
      <button type="button" onClick={() => input.current?.click()}>
        {text.audioChoose}
      </button>
    </div>
  );
}
