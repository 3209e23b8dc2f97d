"""Real recordings with known words, and a text's word error rate; data/README.md has their origin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.media import Media

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Recording:
    """`words` as they are spoken, without punctuation; `seconds` is the true duration."""

    path: Path
    language: str
    seconds: float
    words: str


ENGLISH = Recording(
    _DATA / "english.flac",
    "en",
    24.73,
    "and mister john dashwood had then leisure to consider how much there might be prudently in his power"
    " to do for them he was not an ill disposed young man unless to be rather cold hearted and rather"
    " selfish is to be ill disposed had he married a more a amiable woman he might have been made still more"
    " respectable than he was he might even have been made amiable himself",
)
ENGLISH_SHORT = Recording(
    _DATA / "english-short.wav", "en", 3.29, "he might even have been made amiable himself"
)
SPANISH = (
    Recording(
        _DATA / "spanish-busy.wav",
        "es",
        14.67,
        "todos los representantes de la casa se encuentran ocupados asistiendo a otros vendedores por"
        " teléfono por favor espere y su llamada será atendida en el orden que fue recibida",
    ),
    Recording(
        _DATA / "spanish-directory.wav",
        "es",
        14.81,
        "bienvenido al directorio por favor marque las tres primeras letras del apellido de la persona que"
        " usted busca en su teclado use el número siete para la q y el número nueve para la z",
    ),
    Recording(
        _DATA / "spanish-no-service.wav",
        "es",
        9.0,
        "el número que usted ha marcado está fuera de servicio por favor verifique el número y vuelva a"
        " intentar",
    ),
    Recording(
        _DATA / "spanish-queue.wav",
        "es",
        7.2,
        "todos nuestros representantes se encuentran ocupados por favor espere y pronto le atenderemos",
    ),
)


def spanish_short(media: Media) -> Recording:
    """The first four seconds of SPANISH[3], up to its pause."""
    path = media.folder / "spanish-short.wav"
    if not path.exists():
        media.ffmpeg(f"-i {SPANISH[3].path} -t 4.05", path)
    return Recording(path, "es", 4.05, "todos nuestros representantes se encuentran ocupados")


# Two spellings of the same word: neither is an error.
_SPELLINGS = {"mr": "mister", "3": "tres", "7": "siete", "9": "nueve"}


def word_error_rate(recordings: Iterable[Recording], texts: Iterable[str]) -> float:
    """Words wrong, missing or too many, as a share of the words in all the recordings together."""
    import jiwer

    truth = [normalise(recording.words) for recording in recordings]
    return float(jiwer.wer(truth, [normalise(text) for text in texts]))


def normalise(text: str) -> str:
    """The words alone: without case, without punctuation, `7` as `siete`."""
    words = re.findall(r"\w+", text.lower())
    return " ".join(_SPELLINGS.get(word, word) for word in words)
