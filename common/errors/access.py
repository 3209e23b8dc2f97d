"""The caller may not do this: no key, a wrong one, or one that is not for it."""

from __future__ import annotations

from typing import ClassVar

from common.errors.escriba_error import EscribaError
from common.errors.sentence import Sentence


class AccessRefused(EscribaError):
    """The caller may not do this; sending it again with the same key changes nothing."""

    status = 403
    code: ClassVar[str] = "access_refused"
    sentence: ClassVar[Sentence] = Sentence("This is not allowed.", "Esto no está permitido.")
    hint: ClassVar[Sentence | None] = None


_SEND_KEY = Sentence(
    "Send your access key: Authorization: Bearer esc_…",
    "Envía tu clave de acceso: Authorization: Bearer esc_…",
)


class KeyMissing(AccessRefused):
    status = 401
    code = "key_missing"
    sentence = Sentence("This server needs an access key.", "Este servidor pide una clave de acceso.")
    hint = _SEND_KEY


class KeyInvalid(AccessRefused):
    status = 401
    code = "key_invalid"
    sentence = Sentence(
        "The access key is wrong or was revoked.",
        "La clave de acceso es incorrecta o fue revocada.",
    )
    hint = Sentence(
        "Check that it was copied whole, or ask who runs this server for another.",
        "Comprueba que se copió entera, o pide otra a quien lleva este servidor.",
    )


class KeyExpired(AccessRefused):
    status = 401
    code = "key_expired"
    sentence = Sentence("The access key has expired.", "La clave de acceso ha caducado.")
    hint = Sentence(
        "Ask who issued it for another.",
        "Pide otra a quien la emitió.",
    )


class PasswordWrong(AccessRefused):
    status = 401
    code = "password_wrong"
    sentence = Sentence("This is not the page's password.", "Esta no es la contraseña de la página.")
    hint = Sentence(
        "Ask who runs this server for it. Capital letters count.",
        "Pídela a quien lleva este servidor. Las mayúsculas cuentan.",
    )


class PasswordOff(AccessRefused):
    status = 404
    code = "password_off"
    sentence = Sentence(
        "This server's page has no password.", "La página de este servidor no tiene contraseña."
    )
    hint = Sentence(
        "Set PAGE_PASSWORD to give it one, or sign in with an access key.",
        "Define PAGE_PASSWORD para ponerle una, o entra con una clave de acceso.",
    )


class SessionMissing(AccessRefused):
    status = 401
    code = "session_missing"
    sentence = Sentence(
        "Only a browser that has signed in with the page's password is given another token.",
        "Solo un navegador que entró con la contraseña de la página recibe otro token.",
    )
    hint = Sentence("Send 'password' and 'browser'.", "Envía 'password' y 'browser'.")


class ScopeMissing(AccessRefused):
    """Details: `scope`."""

    code = "scope_missing"
    sentence = Sentence(
        "This access key is not for that: it lacks the scope '{scope}'.",
        "Esta clave de acceso no sirve para eso: le falta el permiso '{scope}'.",
    )


class OriginRefused(AccessRefused):
    """A page of another origin would change something here. Details: `origin`."""

    code = "origin_refused"
    sentence = Sentence(
        "Pages of '{origin}' may not use this server.",
        "Las páginas de '{origin}' no pueden usar este servidor.",
    )
    hint = Sentence(
        "Add the origin to CORS_ORIGINS if it is yours.",
        "Añade el origen a CORS_ORIGINS si es tuyo.",
    )


class HostUnknown(AccessRefused):
    """The request names another host than this server's (RFC 9110, 15.5.20). Details: `host`."""

    status = 421
    code = "host_unknown"
    sentence = Sentence("This server is not '{host}'.", "Este servidor no es '{host}'.")
    hint = Sentence(
        "Use the address of PUBLIC_URL.",
        "Usa la dirección de PUBLIC_URL.",
    )


class KeyNotFound(AccessRefused):
    status = 404
    code = "key_not_found"
    sentence = Sentence("There is no such access key.", "No existe esa clave de acceso.")


class UserNotYours(AccessRefused):
    """Details: `user`."""

    code = "user_not_yours"
    sentence = Sentence(
        "This token was issued for another user than '{user}'.",
        "Este token se emitió para otro usuario, no para '{user}'.",
    )
    hint = Sentence("Leave userId out.", "Quita userId.")


class AccessOff(AccessRefused):
    status = 404
    code = "access_off"
    sentence = Sentence("This server has no access keys.", "Este servidor no tiene claves de acceso.")
    hint = Sentence("Set ADMIN_KEY to turn them on.", "Define ADMIN_KEY para activarlas.")
