"""One client's own limit is reached, while the server serves others: 429, which limit, whose, until when."""

from __future__ import annotations

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence

YOUR_KEY = Sentence("Your access key", "Tu clave de acceso")
YOUR_ADDRESS = Sentence("Your address", "Tu dirección")
AN_HOUR = Sentence("an hour", "por hora")
A_DAY = Sentence("a day", "al día")


class LimitReached(EscribaError):
    """Details: `whose`, `limit`; always raised with `retry_after`."""

    status = 429
    code = "limit_reached"
    sentence = Sentence("{whose} has used up its limit.", "{whose} ha agotado su límite.")
    hint = Sentence(
        "Try again after the seconds in Retry-After. GET /quota shows what is left.",
        "Inténtalo de nuevo pasados los segundos de Retry-After. GET /quota muestra lo que queda.",
    )
    retryable = True


class TooManyRequests(LimitReached):
    code = "too_many_requests"
    sentence = Sentence(
        "{whose} may send {limit} requests a minute.",
        "{whose} puede enviar {limit} peticiones por minuto.",
    )


class TooManyGuesses(EscribaError):
    """Always raised with `retry_after`."""

    status = 429
    code = "too_many_guesses"
    sentence = Sentence(
        "Too many passwords were tried from your address or on this server.",
        "Se han probado demasiadas contraseñas desde tu dirección o en este servidor.",
    )
    hint = Sentence(
        "Wait for the seconds in Retry-After, then sign in.",
        "Espera los segundos de Retry-After y entra entonces.",
    )
    retryable = True


class TooMuchAudio(LimitReached):
    """Details: `window` besides."""

    code = "too_much_audio"
    sentence = Sentence(
        "{whose} may have {limit} seconds of audio transcribed {window}, and has used them.",
        "{whose} puede transcribir {limit} segundos de audio {window} y ya los ha usado.",
    )


class TooManyJobs(LimitReached):
    code = "too_many_jobs"
    sentence = Sentence(
        "{whose} has {limit} jobs waiting or running, as many as one client may have.",
        "{whose} tiene {limit} trabajos en espera o en curso, el máximo por cliente.",
    )
    hint = Sentence(
        "Send the next when one has ended, or try again after the seconds in Retry-After.",
        "Envía el siguiente cuando termine uno, o inténtalo pasados los segundos de Retry-After.",
    )


class TooManyUploadsExpected(LimitReached):
    code = "too_many_uploads_expected"
    sentence = Sentence(
        "{whose} has {limit} jobs whose audio has not come, as many as one client may have.",
        "{whose} tiene {limit} trabajos cuyo audio no ha llegado, el máximo por cliente.",
    )
    hint = Sentence(
        "Post the audio of those, or delete them with DELETE /job/{{id}}.",
        "Envía el audio de esos trabajos o elimínalos con DELETE /job/{{id}}.",
    )


class TooMuchStored(LimitReached):
    """Details: `limit` in MB."""

    code = "too_much_stored"
    sentence = Sentence(
        "{whose} has recordings here that take {limit} MB, as much as one client may keep.",
        "{whose} tiene aquí grabaciones que ocupan {limit} MB, el máximo por cliente.",
    )
    hint = Sentence(
        "Send more when some jobs have ended, or delete some with DELETE /job/{{id}}.",
        "Envía más cuando terminen algunos trabajos, o elimina alguno con DELETE /job/{{id}}.",
    )
