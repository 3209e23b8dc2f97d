"""What to ask of Groq for the options that a person chose: address, model and form fields; pure."""

from __future__ import annotations

from dataclasses import dataclass

from common.models import Options

# Documented as 224 tokens, enforced as bytes: ñ, á and ¿ count two.
PROMPT_BYTES = 896

TRANSLATOR = "whisper-large-v3"

PROMPT_CUT = f"The prompt is longer than {PROMPT_BYTES} bytes; only its end was used."
NO_WORD_TIMES = "Word times are not available for translations; segments have theirs."


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """`path` is below the base URL; `warnings` say where this is less than what was asked for."""

    path: str
    model: str
    fields: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def plan(options: Options, model: str) -> EngineRequest:
    """The request for `options`; `model` is the one to use where they name none."""
    wanted = options.model or model
    translate = options.task == "translate"
    model = _translator(wanted) if translate else wanted
    prompt = fit_prompt(options.prompt or "")
    fields = [("model", model), ("response_format", "verbose_json")]
    if prompt:
        fields.append(("prompt", prompt))
    if options.temperature is not None:
        fields.append(("temperature", str(options.temperature)))
    if not translate:
        fields += _only_for_transcriptions(options)
    return EngineRequest(
        "/audio/translations" if translate else "/audio/transcriptions",
        model,
        tuple(fields),
        tuple(_warnings(options, wanted, model, prompt)),
    )


def fit_prompt(prompt: str) -> str:
    """The end of `prompt` that Groq takes, cut at a word: Whisper itself reads only the end of a long one.

    A word that is too long alone (or a language without spaces) is cut between two characters.
    """
    prompt = prompt.strip()
    data = prompt.encode(errors="replace")
    if len(data) <= PROMPT_BYTES:
        return data.decode()
    kept = data[-PROMPT_BYTES:].decode(errors="ignore")
    if data[-PROMPT_BYTES - 1 : -PROMPT_BYTES].isspace():
        return kept.strip()
    _, _, from_next_word = kept.partition(" ")
    return from_next_word.strip() or kept


def _translator(model: str) -> str:
    """Turbo was not trained to translate: it answers in the language spoken, and says nothing of it."""
    return TRANSLATOR if "turbo" in model or model.startswith("distil-") else model


def _only_for_transcriptions(options: Options) -> list[tuple[str, str]]:
    """Translations know neither of these; with word times alone the segments would be missing."""
    fields = [("timestamp_granularities[]", "segment")]
    if "word" in options.timestamps:
        fields.append(("timestamp_granularities[]", "word"))
    if options.language:
        fields.append(("language", options.language))
    return fields


def _warnings(options: Options, wanted: str, model: str, prompt: str) -> list[str]:
    warnings = []
    if prompt != (options.prompt or "").strip():
        warnings.append(PROMPT_CUT)
    if model != wanted:
        warnings.append(f"{wanted} cannot translate; {model} was used.")
    if options.task == "translate" and "word" in options.timestamps:
        warnings.append(NO_WORD_TIMES)
    return warnings
