"""Every failure Escriba can answer with: one class, one status, one stable code, a sentence in two languages.

    EscribaError                      500 internal_error
    ├── RequestRefused                the request itself is wrong
    │   ├── BodyMalformed             400 body_malformed
    │   ├── RequestMalformed          400 request_malformed
    │   ├── RouteUnknown              404 not_found
    │   ├── ModelUnknown              404 model_not_found
    │   ├── MethodNotAllowed          405 method_not_allowed
    │   ├── UploadTooSlow             408 upload_too_slow
    │   ├── UploadTooLarge            413 upload_too_large
    │   ├── UploadNeedsTicket         413 upload_needs_ticket
    │   ├── EncodingUnsupported       415 content_encoding_unsupported
    │   ├── MediaTypeUnsupported      415 media_type_unsupported
    │   ├── FileMissing               422 file_missing
    │   ├── FileRepeated              422 file_repeated
    │   ├── FileEmpty                 422 file_empty
    │   ├── OptionUnknown             422 option_unknown
    │   ├── OptionInvalid             422 option_invalid
    │   ├── OptionMissing             422 option_missing
    │   ├── OptionUnsupported         422 option_unsupported
    │   ├── LanguageUnknown           422 language_unknown
    │   └── HeadersTooLarge           431 headers_too_large
    ├── AudioRefused                  the recording cannot be transcribed
    │   ├── AudioUnreadable           415 audio_unreadable
    │   ├── AudioTrackMissing         422 audio_track_missing
    │   ├── AudioTruncated            422 audio_truncated
    │   ├── AudioTooShort             422 audio_too_short
    │   ├── AudioTooLong              422 audio_too_long
    │   └── AudioTooCostly            422 audio_too_costly
    ├── JobRefused                    what was asked of a job cannot be done
    │   ├── JobNotFound               404 job_not_found
    │   ├── JobConflict               409 job_conflict
    │   ├── JobNotRetryable           409 job_not_retryable
    │   ├── TranscriptNotReady        409 transcript_not_ready
    │   ├── JobExpired                410 job_expired
    │   ├── AudioGone                 410 audio_gone
    │   ├── UploadTicketInvalid       403 upload_ticket_invalid
    │   ├── UploadExpired             410 upload_expired
    │   └── TooManyWatchers           429 too_many_watchers
    ├── Interrupted                   500 interrupted
    ├── Busy                          503 busy
    ├── AnswerLate                    504 answer_late
    ├── AnswerTooLarge                413 answer_too_large
    ├── StorageFull                   507 storage_full
    ├── StorageBroken                 500 storage_broken
    ├── ToolMissing                   503 ffmpeg_missing
    └── EngineFailed                  the engine behind us
        ├── EngineUnreachable         502 engine_unreachable
        ├── EngineBroken              502 engine_broken
        ├── EngineRefused             502 engine_refused
        ├── EngineKeyInvalid          502 engine_key_invalid
        ├── EngineMissing             503 engine_missing
        ├── EngineQuotaSpent          503 engine_quota_spent
        ├── AudioOverQuota            413 audio_over_quota
        └── EngineTimeout             504 engine_timeout

`RetryLater` stands outside the tree: it is news, not a failure.
Raise with the details that the sentence names: `UploadTooLarge(limit_mb=25)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

Language = Literal["en", "es"]


class Sentence(NamedTuple):
    """One sentence for the person who uploaded, in both languages; `{name}` stands for a detail."""

    en: str
    es: str

    def speak(self, language: Language, details: Mapping[str, Detail]) -> str:
        told = {name: _told(detail, language) for name, detail in details.items()}
        return getattr(self, language).format_map(_Details(told))  # type: ignore[no-any-return]


# A detail that is words of ours is said in both languages, too.
Detail = str | float | Sentence


# What an option that was given twice expects.
ONE_VALUE = Sentence("one value", "un solo valor")


def _told(detail: Detail, language: Language) -> str | float:
    if isinstance(detail, Sentence):
        return detail.speak(language, {})
    if isinstance(detail, str):
        # A stranger's words are repeated without what would turn a line around or colour a terminal.
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in detail)
    # 25 that came back from the store as 25.0 is still told as 25.
    return int(detail) if isinstance(detail, float) and detail.is_integer() else detail


class _Details(dict[str, str | float]):
    """A sentence must never turn one failure into another for want of a detail."""

    def __missing__(self, key: str) -> str:
        return "?"


class RetryLater(Exception):
    """Not now: the quota is spent or the engine asked to wait. Try again after `delay` seconds."""

    def __init__(self, delay: float, reason: str = "") -> None:
        super().__init__(f"retry in {delay:.1f} s: {reason}")
        self.delay = delay
        self.reason = reason


class EscribaError(Exception):
    """Something went wrong that the person at the other end is told about.

    `details` fill the sentence and nothing else; they must hold nothing secret.
    `retry_after` (seconds) becomes the Retry-After header.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[Sentence] = Sentence(
        "Something broke on our side.",
        "Algo se rompió de nuestro lado.",
    )
    hint: ClassVar[Sentence | None] = Sentence(
        "Try again; if it goes on, report the requestId.",
        "Inténtalo de nuevo; si continúa, comunica el requestId.",
    )
    retryable: ClassVar[bool] = False

    def __init__(self, *, retry_after: float | None = None, **details: Detail) -> None:
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message("en"))

    def message(self, language: Language) -> str:
        return self.sentence.speak(language, self.details)

    def advice(self, language: Language) -> str | None:
        return self.hint.speak(language, self.details) if self.hint else None


def by_code(code: str) -> type[EscribaError]:
    """The class that a stored code belongs to; EscribaError itself for one that is no longer known."""
    classes = [EscribaError]
    for known in classes:
        if known.code == code:
            return known
        classes.extend(known.__subclasses__())
    return EscribaError


# ── the request itself ────────────────────────────────────────────────────────────────────────────


class RequestRefused(EscribaError):
    """The request cannot be understood or is not allowed; sending it again changes nothing."""

    status = 400
    hint: ClassVar[Sentence | None] = None


class BodyMalformed(RequestRefused):
    code = "body_malformed"
    sentence = Sentence(
        "The request body is not what its Content-Type says: {problem}.",
        "El cuerpo de la petición no es lo que dice su Content-Type: {problem}.",
    )
    hint = Sentence(
        "Send multipart/form-data with a part named 'file', as curl -F file=@recording.mp3 does.",
        "Envía multipart/form-data con una parte llamada 'file', como hace curl -F file=@grabacion.mp3.",
    )


class RequestMalformed(RequestRefused):
    code = "request_malformed"
    sentence = Sentence("This is not HTTP/1.1.", "Esto no es HTTP/1.1.")


class RouteUnknown(RequestRefused):
    status = 404
    code = "not_found"
    sentence = Sentence("There is nothing at this address.", "No hay nada en esta dirección.")
    hint = Sentence("GET /docs lists what there is.", "GET /docs muestra lo que hay.")


class ModelUnknown(RequestRefused):
    """Details: `model`, `known` (a list in words)."""

    status = 404
    code = "model_not_found"
    sentence = Sentence("The model '{model}' does not exist.", "El modelo '{model}' no existe.")
    hint = Sentence("The models are: {known}.", "Los modelos son: {known}.")


class MethodNotAllowed(RequestRefused):
    status = 405
    code = "method_not_allowed"
    sentence = Sentence(
        "This address does not take {method}.",
        "Esta dirección no admite {method}.",
    )
    hint = Sentence("GET /docs lists what there is.", "GET /docs muestra lo que hay.")


class UploadTooSlow(RequestRefused):
    status = 408
    code = "upload_too_slow"
    sentence = Sentence(
        "The upload stopped or came too slowly.",
        "La subida se detuvo o llegó demasiado despacio.",
    )
    hint = Sentence(
        "Try again on a better connection, or send a smaller file.",
        "Inténtalo con mejor conexión, o envía un archivo más pequeño.",
    )
    retryable = True


class UploadTooLarge(RequestRefused):
    """Details: `limit_mb`."""

    status = 413
    code = "upload_too_large"
    sentence = Sentence(
        "The file is larger than {limit_mb} MB.",
        "El archivo pesa más de {limit_mb} MB.",
    )
    hint = Sentence(
        "Send a compressed recording (mp3 or m4a), or a shorter one.",
        "Envía una grabación comprimida (mp3 o m4a) o más corta.",
    )


class UploadNeedsTicket(RequestRefused):
    """Details: `limit_mb`, what one call can carry; `ticket_mb`, what the other way takes."""

    status = 413
    code = "upload_needs_ticket"
    sentence = Sentence(
        "The file is over {limit_mb} MB, more than one call can carry here.",
        "El archivo pesa más de {limit_mb} MB, más de lo que cabe aquí en una llamada.",
    )
    hint = Sentence(
        "POST /transcribe-job with JSON and no file; then post the file, up to {ticket_mb} MB, to the "
        "upload.url of the answer with its upload.fields first.",
        "Haz POST /transcribe-job con JSON y sin archivo; envía después el archivo, de hasta {ticket_mb} MB, "
        "a la upload.url de la respuesta, con sus upload.fields delante.",
    )


class EncodingUnsupported(RequestRefused):
    status = 415
    code = "content_encoding_unsupported"
    sentence = Sentence(
        "The request has a Content-Encoding; bodies are taken as they are.",
        "La petición lleva Content-Encoding; los cuerpos se aceptan tal cual.",
    )
    hint = Sentence("Send it without compression.", "Envíala sin compresión.")


class MediaTypeUnsupported(RequestRefused):
    status = 415
    code = "media_type_unsupported"
    sentence = Sentence(
        "This Content-Type is not accepted here.",
        "Este Content-Type no se acepta aquí.",
    )
    hint = BodyMalformed.hint


class FileMissing(RequestRefused):
    status = 422
    code = "file_missing"
    sentence = Sentence("No file was sent.", "No se envió ningún archivo.")
    hint = Sentence(
        "Add a part named 'file' with a file name, as curl -F file=@recording.mp3 does.",
        "Añade una parte llamada 'file' con nombre de archivo, como hace curl -F file=@grabacion.mp3.",
    )


class FileRepeated(RequestRefused):
    status = 422
    code = "file_repeated"
    sentence = Sentence("More than one file was sent.", "Se envió más de un archivo.")
    hint = Sentence("Send one file a request.", "Envía un archivo por petición.")


class FileEmpty(RequestRefused):
    status = 422
    code = "file_empty"
    sentence = Sentence("The file is empty.", "El archivo está vacío.")
    hint = Sentence(
        "Check that the recording was saved before it was sent.",
        "Comprueba que la grabación se guardó antes de enviarla.",
    )


class OptionUnknown(RequestRefused):
    """Details: `option`, `known` (a list in words)."""

    status = 422
    code = "option_unknown"
    sentence = Sentence("There is no option '{option}'.", "No existe la opción '{option}'.")
    hint = Sentence("The options are: {known}.", "Las opciones son: {known}.")


class OptionInvalid(RequestRefused):
    """Details: `option`, `expected`."""

    status = 422
    code = "option_invalid"
    sentence = Sentence(
        "The option '{option}' has a value that is not accepted.",
        "La opción '{option}' tiene un valor no admitido.",
    )
    hint = Sentence("Expected: {expected}.", "Se espera: {expected}.")


class OptionMissing(RequestRefused):
    """Details: `option`."""

    status = 422
    code = "option_missing"
    sentence = Sentence("The option '{option}' is missing.", "Falta la opción '{option}'.")


class OptionUnsupported(RequestRefused):
    """What other models of an API that is imitated can do. Details: `option`."""

    status = 422
    code = "option_unsupported"
    sentence = Sentence(
        "Whisper can do nothing with the option '{option}'.",
        "Whisper no puede hacer nada con la opción '{option}'.",
    )
    hint = Sentence("Leave it out.", "Quítala.")


class LanguageUnknown(RequestRefused):
    """Details: `language`."""

    status = 422
    code = "language_unknown"
    sentence = Sentence(
        "'{language}' is not a language that Whisper knows.",
        "'{language}' no es un idioma que Whisper conozca.",
    )
    hint = Sentence(
        "Use a code such as es or en, or leave it out to have it detected.",
        "Usa un código como es o en, u omítelo para que se detecte.",
    )


class HeadersTooLarge(RequestRefused):
    status = 431
    code = "headers_too_large"
    sentence = Sentence(
        "The request's headers are too large.",
        "Las cabeceras de la petición son demasiado grandes.",
    )


# ── the recording ─────────────────────────────────────────────────────────────────────────────────


class AudioRefused(EscribaError):
    """The recording cannot be transcribed; the same file will be refused again."""

    status = 422
    hint: ClassVar[Sentence | None] = None


class AudioUnreadable(AudioRefused):
    status = 415
    code = "audio_unreadable"
    sentence = Sentence(
        "The file is not audio or video that can be read, whatever its name says.",
        "El archivo no es audio ni vídeo que se pueda leer, diga lo que diga su nombre.",
    )
    hint = Sentence(
        "Send mp3, wav, m4a, flac, ogg, webm or mp4.",
        "Envía mp3, wav, m4a, flac, ogg, webm o mp4.",
    )


class AudioTrackMissing(AudioRefused):
    code = "audio_track_missing"
    sentence = Sentence("The file has no audio track.", "El archivo no tiene pista de audio.")
    hint = Sentence(
        "Check that the video was recorded with sound.",
        "Comprueba que el vídeo se grabó con sonido.",
    )


class AudioTruncated(AudioRefused):
    code = "audio_truncated"
    sentence = Sentence(
        "The file is cut off: a part that is needed to read it is missing.",
        "El archivo está cortado: falta una parte necesaria para leerlo.",
    )
    hint = Sentence(
        "Export or download the recording again, then send it again.",
        "Exporta o descarga de nuevo la grabación y vuelve a enviarla.",
    )


class AudioTooShort(AudioRefused):
    """Details: `minimum` (seconds)."""

    code = "audio_too_short"
    sentence = Sentence(
        "The recording is shorter than {minimum} seconds.",
        "La grabación dura menos de {minimum} segundos.",
    )


class AudioTooLong(AudioRefused):
    """Details: `limit_minutes`."""

    code = "audio_too_long"
    sentence = Sentence(
        "The recording is longer than {limit_minutes} minutes.",
        "La grabación dura más de {limit_minutes} minutos.",
    )
    hint = Sentence("Send it in parts.", "Envíala por partes.")


class AudioTooCostly(AudioRefused):
    """Reading it went past the bounds on time, memory or output: hostile, or badly broken."""

    code = "audio_too_costly"
    sentence = Sentence(
        "Reading this file takes more than a recording ever should.",
        "Leer este archivo exige más de lo que una grabación debería exigir.",
    )
    hint = Sentence(
        "Convert it to mp3 or m4a first, then send that.",
        "Conviértelo antes a mp3 o m4a y envía el resultado.",
    )


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────


class JobRefused(EscribaError):
    """What was asked of a job cannot be done."""

    status = 409
    hint: ClassVar[Sentence | None] = None


class JobNotFound(JobRefused):
    status = 404
    code = "job_not_found"
    sentence = Sentence("There is no such job.", "No existe ese trabajo.")
    hint = Sentence(
        "Check the jobId; jobs are forgotten some time after they expire.",
        "Comprueba el jobId; los trabajos se olvidan un tiempo después de caducar.",
    )


class JobConflict(JobRefused):
    code = "job_conflict"
    sentence = Sentence(
        "This jobId or Idempotency-Key was used for another recording or other options.",
        "Este jobId o Idempotency-Key ya se usó con otra grabación u otras opciones.",
    )
    hint = Sentence("Use a new one for each recording.", "Usa uno nuevo para cada grabación.")


class JobNotRetryable(JobRefused):
    """Details: `status`."""

    code = "job_not_retryable"
    sentence = Sentence(
        "Only a failed or cancelled job can be tried again; this one is {status}.",
        "Solo se puede repetir un trabajo fallido o cancelado; este está en {status}.",
    )


class TranscriptNotReady(JobRefused):
    """Details: `status`."""

    code = "transcript_not_ready"
    sentence = Sentence(
        "This job is {status}; only a completed one has a transcript.",
        "Este trabajo está en {status}; solo uno completado tiene transcripción.",
    )
    hint = Sentence(
        "GET /job/{{id}}?wait=25 answers at its next change.",
        "GET /job/{{id}}?wait=25 responde en su próximo cambio.",
    )


class JobExpired(JobRefused):
    """Details: `when` (ISO 8601)."""

    status = 410
    code = "job_expired"
    sentence = Sentence(
        "The text and audio of this job were removed at {when}.",
        "El texto y el audio de este trabajo se eliminaron el {when}.",
    )


class AudioGone(JobRefused):
    status = 410
    code = "audio_gone"
    sentence = Sentence(
        "The recording of this job is no longer kept.",
        "La grabación de este trabajo ya no se conserva.",
    )
    hint = Sentence("Send it again as a new job.", "Envíala de nuevo como un trabajo nuevo.")


class UploadTicketInvalid(JobRefused):
    status = 403
    code = "upload_ticket_invalid"
    sentence = Sentence(
        "The upload's fields are not those that were given out for this job.",
        "Los campos de la subida no son los que se dieron para este trabajo.",
    )
    hint = Sentence(
        "Send every field of 'upload.fields' unchanged, and 'file' last.",
        "Envía todos los campos de 'upload.fields' sin cambios, y 'file' al final.",
    )


class UploadExpired(JobRefused):
    """The audio of a pending job did not come in time."""

    status = 410
    code = "upload_expired"
    sentence = Sentence(
        "The time to upload this recording is over.",
        "El plazo para subir esta grabación ha terminado.",
    )
    hint = Sentence("Begin again with a new job.", "Empieza de nuevo con un trabajo nuevo.")


class TooManyWatchers(JobRefused):
    status = 429
    code = "too_many_watchers"
    sentence = Sentence(
        "Too many are watching already.",
        "Ya hay demasiados observando.",
    )
    hint = Sentence("Ask GET /job/{{id}} instead.", "Consulta GET /job/{{id}} en su lugar.")


class Interrupted(EscribaError):
    """The job was begun several times and each time cut off. Details: `attempts`."""

    code = "interrupted"
    sentence = Sentence(
        "The job was begun {attempts} times and cut off each time.",
        "El trabajo se empezó {attempts} veces y se cortó cada vez.",
    )
    hint = Sentence(
        "Try it again; if it goes on, the server has too little memory for this recording.",
        "Repítelo; si continúa, el servidor tiene poca memoria para esta grabación.",
    )
    retryable = True


# ── our side ──────────────────────────────────────────────────────────────────────────────────────


class Busy(EscribaError):
    """All places are taken for now; always raised with `retry_after`."""

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


class AnswerLate(EscribaError):
    """Where a call has only so long, as on Lambda; the same once more would only spend as much again."""

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
    """Where an answer may weigh only so much, as on Lambda."""

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
        "Whoever runs the server: check the disk and the database in DATA_DIR.",
        "Quien administra el servidor: revisa el disco y la base de datos en DATA_DIR.",
    )


class ToolMissing(EscribaError):
    status = 503
    code = "ffmpeg_missing"
    sentence = Sentence(
        "The program that reads audio is missing on the server.",
        "Falta en el servidor el programa que lee audio.",
    )
    hint = Sentence(
        "Whoever runs the server: reinstall imageio-ffmpeg.",
        "Quien administra el servidor: reinstala imageio-ffmpeg.",
    )


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


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
    """A 5xx, an HTML page, half a body: an answer that is no answer."""

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
        "Whoever runs the server: check GROQ_API_KEY.",
        "Quien administra el servidor: revisa GROQ_API_KEY.",
    )


class EngineMissing(EngineFailed):
    status = 503
    code = "engine_missing"
    sentence = Sentence(
        "No transcription engine is set up on this server.",
        "Este servidor no tiene ningún motor de transcripción configurado.",
    )
    hint = Sentence(
        "Whoever runs the server: set GROQ_API_KEY, or install the 'local' extra.",
        "Quien administra el servidor: define GROQ_API_KEY o instala el extra 'local'.",
    )


class EngineQuotaSpent(EngineFailed):
    """`RetryLater` for someone who waits on the line; always raised with `retry_after`."""

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
    """One request asks for more audio than the engine's whole bucket: waiting never helps, splitting does."""

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
