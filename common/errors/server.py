"""The server itself cannot serve the request: too busy, too slow, its disk full, a tool missing."""

from __future__ import annotations

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class Busy(EscribaError):
    """Every slot or place in the queue is taken; always raised with `retry_after`."""

    status = 503
    code = "busy"
    sentence = Sentence(
        "Too much is being done at once.",
        "Se está haciendo demasiado a la vez.",
    )
    hint = Sentence(
        "Try again after the seconds in Retry-After.",
        "Inténtalo de nuevo pasados los segundos de Retry-After.",
    )
    retryable = True


class StoreUnavailable(EscribaError):
    """The database or the bucket does not answer; always raised with `retry_after`."""

    status = 503
    code = "store_unavailable"
    sentence = Sentence(
        "The server cannot reach the storage of its jobs and recordings.",
        "El servidor no puede acceder al almacén de sus trabajos y grabaciones.",
    )
    hint = Sentence(
        "Try again after the seconds in Retry-After; accepted jobs are kept and go on by themselves.",
        "Inténtalo de nuevo pasados los segundos de Retry-After; los trabajos aceptados se conservan y "
        "continúan solos.",
    )
    retryable = True


class Paused(EscribaError):
    """An admin has stopped what comes in; always raised with `retry_after`."""

    status = 503
    code = "paused"
    sentence = Sentence(
        "The server accepts nothing new for now.",
        "El servidor no acepta nada nuevo por ahora.",
    )
    hint = Sentence(
        "Try again after the seconds in Retry-After; jobs that were accepted go on.",
        "Inténtalo de nuevo pasados los segundos de Retry-After; los trabajos aceptados continúan.",
    )
    retryable = True


class ServerStopping(EscribaError):
    """The process ends and cannot finish the request; always raised with `retry_after`."""

    status = 503
    code = "server_stopping"
    sentence = Sentence(
        "The server is being restarted and could not finish this request.",
        "El servidor se está reiniciando y no pudo terminar esta petición.",
    )
    hint = Busy.hint
    retryable = True


class AnswerLate(EscribaError):
    """On Lambda, where a call has limited time; the same request again would only take as long again."""

    status = 504
    code = "answer_late"
    sentence = Sentence(
        "The answer was not ready within the time that this server has for one request.",
        "La respuesta no estuvo lista en el tiempo que este servidor tiene para cada petición.",
    )
    hint = Sentence(
        "Send the recording to POST /transcribe-job, which takes the time it needs.",
        "Envía la grabación a POST /transcribe-job, que se toma el tiempo necesario.",
    )


class AnswerTooLarge(EscribaError):
    """On Lambda, where the size of an answer is limited."""

    status = 413
    code = "answer_too_large"
    sentence = Sentence(
        "The answer is larger than this server can send at once.",
        "La respuesta es más grande de lo que este servidor puede enviar de una vez.",
    )
    hint = Sentence(
        "Ask GET /job/{{id}}/transcript for a file: format=txt, srt, vtt or tsv is much smaller.",
        "Pide un archivo a GET /job/{{id}}/transcript: format=txt, srt, vtt o tsv ocupa mucho menos.",
    )


class StorageFull(EscribaError):
    status = 507
    code = "storage_full"
    sentence = Sentence(
        "There is no room left to keep this recording.",
        "No queda sitio para guardar esta grabación.",
    )
    hint = Sentence(
        "Try again later, or send a smaller file.",
        "Inténtalo más tarde o envía un archivo más pequeño.",
    )
    retryable = True


class StorageBroken(EscribaError):
    """The server's own records cannot be read or written; the cause is in its log."""

    code = "storage_broken"
    sentence = Sentence(
        "The server cannot read or write its own records.",
        "El servidor no puede leer ni escribir sus propios registros.",
    )
    hint = Sentence(
        "If you run the server: check the disk and the database in DATA_DIR.",
        "Si administras el servidor: revisa el disco y la base de datos en DATA_DIR.",
    )


class ToolMissing(EscribaError):
    status = 503
    code = "ffmpeg_missing"
    sentence = Sentence(
        "The program that reads audio is missing on the server.",
        "Falta en el servidor el programa que lee audio.",
    )
    hint = Sentence(
        "If you run the server: reinstall imageio-ffmpeg.",
        "Si administras el servidor: reinstala imageio-ffmpeg.",
    )
