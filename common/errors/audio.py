"""The recording cannot be transcribed."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


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
        "Send mp3, wav, m4a, flac, ogg, webm or mp4; `ffmpeg -i FILE recording.m4a` converts most others.",
        "Envía mp3, wav, m4a, flac, ogg, webm o mp4; `ffmpeg -i ARCHIVO grabacion.m4a` convierte casi todo.",
    )


class FileIsPlaylist(AudioUnreadable):
    code = "file_is_playlist"
    sentence = Sentence(
        "The file is a playlist: it names recordings elsewhere and holds none itself.",
        "El archivo es una lista de reproducción: nombra grabaciones de otra parte y no contiene ninguna.",
    )
    hint = Sentence(
        "Send the recording itself; `ffmpeg -i ADDRESS recording.m4a` downloads what a playlist plays.",
        "Envía la grabación misma; `ffmpeg -i DIRECCIÓN grabacion.m4a` descarga lo que la lista reproduce.",
    )


class FileIsSubtitles(AudioUnreadable):
    code = "file_is_subtitles"
    sentence = Sentence(
        "The file contains subtitles, which are text already.",
        "El archivo contiene subtítulos, que ya son texto.",
    )
    hint = Sentence(
        "Send the video or the recording that the subtitles belong to.",
        "Envía el vídeo o la grabación a la que pertenecen los subtítulos.",
    )


class FileIsImage(AudioUnreadable):
    code = "file_is_image"
    sentence = Sentence("The file is an image.", "El archivo es una imagen.")
    hint = Sentence("Send a recording or a video.", "Envía una grabación o un vídeo.")


class FileIsArchive(AudioUnreadable):
    code = "file_is_archive"
    sentence = Sentence(
        "The file is an archive or is compressed (zip, rar, gz, …).",
        "El archivo está comprimido o empaquetado (zip, rar, gz, …).",
    )
    hint = Sentence(
        "Unpack it and send each recording by itself.",
        "Descomprímelo y envía cada grabación por separado.",
    )


class FileIsDocument(AudioUnreadable):
    code = "file_is_document"
    sentence = Sentence(
        "The file is a document or a web page.",
        "El archivo es un documento o una página web.",
    )
    hint = Sentence(
        "Send the recording itself; a download that needs a sign-in often saves a web page instead.",
        "Envía la grabación misma; una descarga que exige iniciar sesión suele guardar una página web.",
    )


class AudioProtected(AudioRefused):
    code = "audio_protected"
    sentence = Sentence(
        "The recording is encrypted: its seller protects it against copying (DRM).",
        "La grabación está cifrada: quien la vende la protege contra copias (DRM).",
    )
    hint = Sentence(
        "Send a copy without protection; Escriba cannot decrypt it.",
        "Envía una copia sin protección; Escriba no puede descifrarla.",
    )


class AudioTrackMissing(AudioRefused):
    code = "audio_track_missing"
    sentence = Sentence("The file has no audio track.", "El archivo no tiene pista de audio.")
    hint = Sentence(
        "Check that the video was recorded with sound.",
        "Comprueba que el vídeo se grabó con sonido.",
    )


class AudioTrackUnknown(AudioRefused):
    """Details: `track` (as requested) and `tracks` (how many there are)."""

    code = "audio_track_unknown"
    sentence = Sentence(
        "The file has no audio track {track}; it has {tracks}.",
        "El archivo no tiene pista de audio {track}; tiene {tracks}.",
    )
    hint = Sentence(
        "Send a `track` from 1 to {tracks}, or none and let the server choose.",
        "Envía una `track` de 1 a {tracks}, o ninguna y que elija el servidor.",
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
    """Reading the file exceeded the limits on time, memory or output: it is hostile, or badly broken."""

    code = "audio_too_costly"
    sentence = Sentence(
        "Reading this file takes more than a recording ever should.",
        "Leer este archivo exige más de lo que una grabación debería exigir.",
    )
    hint = Sentence(
        "Convert it to mp3 or m4a first, then send that.",
        "Conviértelo antes a mp3 o m4a y envía el resultado.",
    )
