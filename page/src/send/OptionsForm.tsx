/** The options of new recordings, kept for next time. */
import { useSignal } from "../app/signal";
import { limits } from "../server/limits";
import { prefer, preferences } from "../store/preferences";
import { useMessages } from "../text/language";
import { fitsInto } from "./checks";
import { languageNames } from "./languageNames";

export function OptionsForm() {
  const text = useMessages();
  return (
    <details class="options">
      <summary>{text.options}</summary>
      <div class="options-body">
        <SpokenLanguage />
        <Vocabulary />
        <Speakers />
        <Switch name="translate" label={text.translate} />
        <Switch name="guard" label={text.guard} />
      </div>
    </details>
  );
}

function SpokenLanguage() {
  const text = useMessages();
  const { spoken } = useSignal(preferences);
  const codes = useSignal(limits)?.languages ?? ["es", "en"];
  return (
    <label>
      {text.spoken}
      <select value={spoken} onChange={({ currentTarget }) => prefer({ spoken: currentTarget.value })}>
        <option value="">{text.detect}</option>
        {languageNames(codes, text.language).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** More are rare; "yes" finds them, too. */
const COUNTS = ["2", "3", "4", "5", "6"];

function Speakers() {
  const text = useMessages();
  const { speakers } = useSignal(preferences);
  const isPossible = useSignal(limits)?.speakers === true;
  return (
    <label>
      {text.speakers}
      <select
        value={isPossible ? speakers : ""}
        disabled={!isPossible}
        onChange={({ currentTarget }) => prefer({ speakers: currentTarget.value })}
      >
        <option value="">{isPossible ? text.speakersChoice[""] : text.speakersNone}</option>
        <option value="true">{text.speakersChoice.true}</option>
        {COUNTS.map((count) => (
          <option key={count} value={count}>
            {text.speakersCount(Number(count))}
          </option>
        ))}
      </select>
    </label>
  );
}

function Vocabulary() {
  const text = useMessages();
  const { vocabulary } = useSignal(preferences);
  const most = useSignal(limits)?.maxPromptBytes ?? Infinity;
  return (
    <label>
      {text.vocabulary}
      <textarea
        rows={3}
        aria-label={text.vocabulary} // without the hint, which describes it
        value={vocabulary}
        aria-describedby="vocabulary-hint"
        onInput={({ currentTarget }) => prefer({ vocabulary: currentTarget.value })}
      />
      <span class="dim" id="vocabulary-hint">
        {fitsInto(vocabulary, most) ? text.vocabularyHint : text.vocabularyFull}
      </span>
    </label>
  );
}

function Switch({ name, label }: { name: "translate" | "guard"; label: string }) {
  const isOn = useSignal(preferences)[name];
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isOn}
        onChange={({ currentTarget }) => prefer({ [name]: currentTarget.checked })}
      />
      {label}
    </label>
  );
}
