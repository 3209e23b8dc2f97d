"""The speech-to-text engine behind us failed or refused."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class EngineFailed(EscribaError):
    """The engine (Groq, or the embedded one) did not give a transcript."""

    status = 502
    hint: ClassVar[Sentence | None] = None


class EngineUnreachable(EngineFailed):
    code = "engine_unreachable"
    sentence = Sentence(
        "The transcription engine cannot be reached.",
        "No se puede contactar con el motor de transcripción.",
    )
    hint = Sentence("Try again in a minute.", "Inténtalo de nuevo en un minuto.")
    retryable = True


class EngineBroken(EngineFailed):
    """A 5xx, an HTML page, half a body: the engine answered, but not with a transcript."""

    code = "engine_broken"
    sentence = Sentence(
        "The transcription engine answered with an error of its own.",
        "El motor de transcripción respondió con un error propio.",
    )
    hint = Sentence("Try again in a minute.", "Inténtalo de nuevo en un minuto.")
    retryable = True


class EngineRefused(EngineFailed):
    """The engine refused what we sent it. Details: `reason` (redacted)."""

    code = "engine_refused"
    sentence = Sentence(
        "The transcription engine refused the recording: {reason}",
        "El motor de transcripción rechazó la grabación: {reason}",
    )


class EngineKeyInvalid(EngineFailed):
    code = "engine_key_invalid"
    sentence = Sentence(
        "The server's key for the transcription engine is not accepted.",
        "La clave del servidor para el motor de transcripción no es válida.",
    )
    hint = Sentence(
        "If you run the server: check GROQ_API_KEY.",
        "Si administras el servidor: revisa GROQ_API_KEY.",
    )


class EngineMissing(EngineFailed):
    status = 503
    code = "engine_missing"
    sentence = Sentence(
        "No transcription engine is set up on this server.",
        "Este servidor no tiene ningún motor de transcripción configurado.",
    )
    hint = Sentence(
        "If you run the server: set GROQ_API_KEY, or install the 'local' extra "
        "(an image: build it with --build-arg ENGINE=embedded).",
        "Si administras el servidor: define GROQ_API_KEY o instala el extra 'local' "
        "(una imagen: constrúyela con --build-arg ENGINE=embedded).",
    )


class EngineQuotaSpent(EngineFailed):
    """`RetryLater` for a client that waits for the transcript; always raised with `retry_after`."""

    status = 503
    code = "engine_quota_spent"
    sentence = Sentence(
        "The engine's free quota is used up for now.",
        "La cuota gratuita del motor está agotada por ahora.",
    )
    hint = Sentence(
        "Try again after the seconds in Retry-After.",
        "Inténtalo de nuevo pasados los segundos de Retry-After.",
    )
    retryable = True


class AudioOverQuota(EngineFailed):
    """One request needs more audio than the quota ever holds: waiting does not help, splitting does."""

    status = 413
    code = "audio_over_quota"
    sentence = Sentence(
        "The recording is longer than the engine takes in one request.",
        "La grabación dura más de lo que el motor admite en una petición.",
    )
    hint = Sentence("Send it in parts.", "Envíala por partes.")


class EngineTimeout(EngineFailed):
    status = 504
    code = "engine_timeout"
    sentence = Sentence(
        "The transcription engine did not answer in time.",
        "El motor de transcripción no respondió a tiempo.",
    )
    hint = Sentence("Try again in a minute.", "Inténtalo de nuevo en un minuto.")
    retryable = True
