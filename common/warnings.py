"""The warnings of an answer: each has a stable code, and its sentence in English and Spanish."""

from __future__ import annotations

from common.errors import Language, Sentence
from common.models import TranscriptWarning

# `{name}` is a detail of the warning. A code is never renamed: clients and stored transcripts hold it.
SENTENCES: dict[str, Sentence] = {
    "prompt_cut": Sentence(
        "The prompt is longer than {bytes} bytes; only its end was used.",
        "El prompt ocupa más de {bytes} bytes; solo se usó el final.",
    ),
    "model_replaced": Sentence(
        "{requested} cannot translate; {used} was used.",
        "{requested} no puede traducir; se usó {used}.",
    ),
    "word_times_missing": Sentence(
        "Word times are not available for translations; segments have theirs.",
        "Las traducciones no tienen tiempos por palabra; los segmentos sí tienen los suyos.",
    ),
    "track_chosen": Sentence(
        "The file has {tracks} audio tracks; track {track} was transcribed. "
        "In the API, `track` or `tracks=mix` chooses.",
        "El archivo tiene {tracks} pistas de audio; se transcribió la {track}. "
        "En la API se elige con `track` o `tracks=mix`.",
    ),
    "channel_chosen": Sentence(
        "The {channels} channels cancel each other when they are mixed; channel {channel} was transcribed.",
        "Los {channels} canales se anulan al mezclarlos; se transcribió el canal {channel}.",
    ),
    "audio_cut_off": Sentence(
        "The end of the file is missing; what is there was transcribed.",
        "Falta el final del archivo; se transcribió lo que hay.",
    ),
    "audio_damaged": Sentence(
        "The file is damaged midway; what can be read of it was transcribed.",
        "El archivo está dañado por el medio; se transcribió lo que se puede leer.",
    ),
    "audio_damaged_times": Sentence(
        "The file is damaged midway and tells no times: words after the damage may be early.",
        "El archivo está dañado por el medio y no indica tiempos: "
        "las palabras tras el daño pueden salir adelantadas.",
    ),
    "silence_skipped": Sentence(
        "Long stretches are digital silence; they were not sent to the engine.",
        "Hay tramos largos de silencio digital; no se enviaron al motor.",
    ),
    "speakers_doubtful": Sentence(
        "The speakers are hard to tell apart in this recording; check who says what.",
        "En esta grabación cuesta distinguir quién habla; revisa quién dice qué.",
    ),
    "speech_without_words": Sentence(
        "{seconds} seconds of speech have no words in the text: perhaps too faint, or in another language.",
        "{seconds} segundos de voz no tienen palabras en el texto: quizá se oye mal o está en otro idioma.",
    ),
    "speakers_failed": Sentence(
        "The speakers could not be distinguished; the text is complete.",
        "No se pudo distinguir quién habla; el texto está completo.",
    ),
    # Transcripts that were stored before warnings had codes hold the English sentence alone.
    "note": Sentence("{text}", "{text}"),
}


def warning_view(warning: TranscriptWarning, language: Language) -> dict[str, str]:
    """A warning as clients read it: its code, and its sentence in their language."""
    sentence = SENTENCES.get(warning.code, SENTENCES["note"])
    return {"code": warning.code, "message": sentence.render(language, warning.details)}
