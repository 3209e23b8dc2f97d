"""The file of a request is missing or refused before the recording in it is read."""

from __future__ import annotations

from common.errors.request import BodyMalformed, RequestRefused
from common.errors.sentence import Sentence


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
    """Details: `limit_mb`, what one call can carry; `ticket_mb`, what an upload with a ticket can."""

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
        "Add a part named 'file' with a file name, as curl -F file=@recording.mp3 does, or a `url`.",
        "Añade una parte 'file' con nombre de archivo, como hace curl -F file=@grabacion.mp3, o una `url`.",
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
