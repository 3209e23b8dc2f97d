"""Builds the request to Groq from a person's options: path, model and form fields. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from common.models import Options, TranscriptWarning

# Groq documents 224 tokens but counts bytes: ñ, á and ¿ are two.
PROMPT_BYTES = 896

TRANSLATOR = "whisper-large-v3"

PROMPT_CUT = TranscriptWarning(code="prompt_cut", details={"bytes": PROMPT_BYTES})
NO_WORD_TIMES = TranscriptWarning(code="word_times_missing")


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """`path` is below the base URL; `warnings` say where the request does less than the options ask."""

    path: str
    model: str
    fields: tuple[tuple[str, str], ...]
    warnings: tuple[TranscriptWarning, ...]


def build_request(options: Options, default_model: str, *, takes_languages: bool = False) -> EngineRequest:
    """The request for `options`; `default_model` is used where they name none.

    `takes_languages`: the engine detects the language among several, as our embedded one does.
    """
    requested = options.model or default_model
    translate = options.task == "translate"
    model = _translator(requested) if translate else requested
    prompt = fit_prompt(options.prompt or "")
    fields = [("model", model), ("response_format", "verbose_json")]
    if prompt:
        fields.append(("prompt", prompt))
    if options.temperature is not None:
        fields.append(("temperature", str(options.temperature)))
    if not translate:
        fields += _transcription_fields(options, takes_languages=takes_languages)
    return EngineRequest(
        "/audio/translations" if translate else "/audio/transcriptions",
        model,
        tuple(fields),
        tuple(_warnings(options, requested, model, prompt)),
    )


def model_replaced(requested: str, used: str) -> TranscriptWarning:
    return TranscriptWarning(code="model_replaced", details={"requested": requested, "used": used})


def fit_prompt(prompt: str, max_bytes: int = PROMPT_BYTES) -> str:
    """The end of `prompt` in `max_bytes`, from the start of a word; Whisper reads no more than the end.

    A single word that is too long (or a language without spaces) is cut between two characters.
    """
    prompt = prompt.strip()
    data = prompt.encode(errors="replace")
    if len(data) <= max_bytes:
        return data.decode()
    kept = data[-max_bytes:].decode(errors="ignore")
    if data[-max_bytes - 1 : -max_bytes].isspace():
        return kept.strip()
    _, _, from_next_word = kept.partition(" ")
    return from_next_word.strip() or kept


def _translator(model: str) -> str:
    """A model that can translate. Turbo was not trained to: it would transcribe, without any error."""
    return TRANSLATOR if "turbo" in model or model.startswith("distil-") else model


def _transcription_fields(options: Options, *, takes_languages: bool) -> list[tuple[str, str]]:
    """Fields that a translation does not take. `segment` is always sent: `word` alone returns no segments."""
    fields = [("timestamp_granularities[]", "segment")]
    if "word" in options.timestamps:
        fields.append(("timestamp_granularities[]", "word"))
    if options.language:
        fields.append(("language", options.language))
    elif takes_languages and options.languages:
        fields.append(("language", ",".join(options.languages)))
    return fields


def _warnings(options: Options, requested: str, model: str, prompt: str) -> list[TranscriptWarning]:
    warnings = []
    if prompt != (options.prompt or "").strip():
        warnings.append(PROMPT_CUT)
    if model != requested:
        warnings.append(model_replaced(requested, model))
    if options.task == "translate" and "word" in options.timestamps:
        warnings.append(NO_WORD_TIMES)
    return warnings
