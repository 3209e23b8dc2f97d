/** The address of a recording, which the server fetches itself. */
import { useState } from "preact/hooks";
import { useMessages } from "../text/language";
import { parseLink } from "./checks";

export function LinkField({ onLink }: { onLink: (url: string) => void }) {
  const text = useMessages();
  const [value, setValue] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const url = parseLink(value);
    setWrong(url === null);
    if (url === null) return;
    onLink(url);
    setValue("");
  };
  return (
    <form class="link" onSubmit={submit} noValidate>
      <input
        type="url"
        value={value}
        aria-label={text.link}
        aria-invalid={isWrong}
        aria-describedby="link-problem"
        placeholder={`${text.link}: ${text.linkHint}`}
        onInput={({ currentTarget }) => (setValue(currentTarget.value), setWrong(false))}
      />
      <button type="submit" disabled={value.trim() === ""}>
        {text.fetch}
      </button>
      <p id="link-problem" class="problem-line" role="alert">
        {isWrong && text.linkWrong}
      </p>
    </form>
  );
}
