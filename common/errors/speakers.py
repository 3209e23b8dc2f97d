"""Speakers cannot be distinguished."""

from __future__ import annotations

from common.errors.escriba_error import EscribaError
from common.errors.request import RequestRefused
from common.errors.sentence import Sentence


class SpeakersUnavailable(RequestRefused):
    status = 422
    code = "speakers_unavailable"
    sentence = Sentence(
        "This server cannot tell speakers apart.",
        "Este servidor no puede distinguir quién habla.",
    )
    hint = Sentence(
        "Leave `speakers` out. If you run the server: `make speakers` installs what is missing "
        "(an image: build it with --build-arg SPEAKERS=yes; on AWS: `sam deploy` with Speakers=yes).",
        "Quita `speakers`. Si administras el servidor: `make speakers` instala lo que falta "
        "(una imagen: constrúyela con --build-arg SPEAKERS=yes; en AWS: `sam deploy` con Speakers=yes).",
    )


class SpeakersFailed(EscribaError):
    """Listening to the voices failed. It becomes a warning of the transcript, which stays as it is."""

    code = "speakers_failed"
    sentence = Sentence("The speakers could not be distinguished.", "No se pudo distinguir quién habla.")
