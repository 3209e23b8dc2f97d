"""A job cannot do what the client requests."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class JobRefused(EscribaError):
    """The job cannot do what the client requests, as it is now."""

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


class TranscriptChanged(JobRefused):
    status = 412
    code = "transcript_changed"
    sentence = Sentence(
        "Somebody has changed this transcript since you read it.",
        "Alguien ha cambiado esta transcripción desde que la leíste.",
    )
    hint = Sentence(
        "Read it again, and send your changes with its new ETag in If-Match.",
        "Léela de nuevo y envía tus cambios con su nuevo ETag en If-Match.",
    )


class VersionMissing(JobRefused):
    status = 428
    code = "version_missing"
    sentence = Sentence(
        "The request does not say which version of the transcript it changes.",
        "La petición no dice qué versión de la transcripción cambia.",
    )
    hint = Sentence(
        "Send the ETag that you read as If-Match, or If-Match: * to overwrite any version.",
        "Envía como If-Match el ETag que leíste, o If-Match: * para sobrescribir cualquier versión.",
    )


class TranscriptTooLarge(JobRefused):
    """Details: `limit_mb`."""

    status = 413
    code = "transcript_too_large"
    sentence = Sentence(
        "The corrected transcript is larger than {limit_mb} MB.",
        "La transcripción corregida ocupa más de {limit_mb} MB.",
    )
    hint = Sentence(
        "Send the segments without 'words': their times are made of the old ones.",
        "Envía los segmentos sin 'words': sus tiempos se deducen de los anteriores.",
    )


class SpeakerUnknown(JobRefused):
    """Details: `speaker`, `known` (a list in words)."""

    status = 422
    code = "speaker_unknown"
    sentence = Sentence(
        "Nobody called '{speaker}' speaks in this transcript.",
        "En esta transcripción no habla nadie llamado '{speaker}'.",
    )
    hint = Sentence("The speakers are: {known}.", "Los que hablan son: {known}.")


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
        "Too many clients are watching jobs already.",
        "Ya hay demasiados clientes observando trabajos.",
    )
    hint = Sentence("Ask GET /job/{{id}} instead.", "Consulta GET /job/{{id}} en su lugar.")


class Interrupted(EscribaError):
    """Each attempt at the job was cut off by a stop of the server. Details: `attempts`."""

    code = "interrupted"
    sentence = Sentence(
        "The job was started {attempts} times and cut off each time.",
        "El trabajo se empezó {attempts} veces y se cortó cada vez.",
    )
    hint = Sentence(
        "Try it again; if it goes on, the server has too little memory for this recording.",
        "Repítelo; si continúa, el servidor tiene poca memoria para esta grabación.",
    )
    retryable = True
