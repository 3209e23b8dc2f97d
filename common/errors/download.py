"""The recording at the `url` of a request cannot be fetched."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class DownloadFailed(EscribaError):
    """What the address answers is no recording, or it does not answer."""

    status = 422
    hint: ClassVar[Sentence | None] = Sentence(
        "Open the address in a private window: it must download the recording itself.",
        "Abre la dirección en una ventana privada: debe descargar la grabación misma.",
    )


class UrlNotPublic(DownloadFailed):
    code = "url_not_public"
    sentence = Sentence(
        "The address is not one of the public internet.",
        "La dirección no pertenece a la internet pública.",
    )
    hint = Sentence(
        "Send the file itself, or an address on ports 80, 443 or from 1024 that everybody can reach.",
        "Envía el archivo mismo, o una dirección en los puertos 80, 443 o desde 1024 accesible para todos.",
    )


class UrlNotFound(DownloadFailed):
    """Details: `status`."""

    code = "url_not_found"
    sentence = Sentence(
        "There is no recording at the address; it answered {status}.",
        "No hay ninguna grabación en la dirección; respondió {status}.",
    )


class UrlDenied(DownloadFailed):
    """Details: `status`."""

    code = "url_denied"
    sentence = Sentence(
        "The address does not give its recording to strangers; it answered {status}.",
        "La dirección no entrega su grabación a desconocidos; respondió {status}.",
    )
    hint = Sentence(
        "Use an address that needs no sign-in, such as a signed one that has not expired.",
        "Usa una dirección que no exija iniciar sesión, como una firmada que no haya caducado.",
    )


class UrlRedirects(DownloadFailed):
    """Details: `limit`."""

    code = "url_redirects"
    sentence = Sentence(
        "The address leads on to others, more than {limit} times or in a circle.",
        "La dirección lleva a otras, más de {limit} veces o en círculo.",
    )


class UrlIsPage(DownloadFailed):
    status = 415
    code = "url_is_page"
    sentence = Sentence(
        "There is a web page at the address, not a recording.",
        "En la dirección hay una página web, no una grabación.",
    )
    hint = Sentence(
        "Use the address of the file itself: what the page's download button leads to.",
        "Usa la dirección del archivo mismo: a la que lleva el botón de descarga de la página.",
    )


class UrlUnusable(DownloadFailed):
    """Details: `reason`."""

    code = "url_unusable"
    sentence = Sentence(
        "The address gives no file that can be read: {reason}.",
        "La dirección no entrega un archivo que se pueda leer: {reason}.",
    )


class UrlUnreachable(DownloadFailed):
    """No name, no connection, a broken one, or a server that has trouble now."""

    status = 502
    code = "url_unreachable"
    sentence = Sentence(
        "The server at the address cannot be reached, or broke off.",
        "No se puede contactar con el servidor de la dirección, o se interrumpió.",
    )
    hint = Sentence(
        "Check the address and try again in a minute.",
        "Comprueba la dirección e inténtalo de nuevo en un minuto.",
    )
    retryable = True


class UrlTooSlow(DownloadFailed):
    status = 504
    code = "url_too_slow"
    sentence = Sentence(
        "The server at the address sends the recording too slowly.",
        "El servidor de la dirección envía la grabación demasiado despacio.",
    )
    hint = Sentence(
        "Try again later, or download the recording yourself and send the file.",
        "Inténtalo más tarde, o descarga tú la grabación y envía el archivo.",
    )
    retryable = True
