"""Which addresses a webhook may have: https and public ones, unless the owner allows private ones."""

from __future__ import annotations

from urllib.parse import urlsplit

from common.errors import OptionInvalid, Sentence
from common.outbound.public_address import can_be_looked_up, may_be_called, may_be_public

_EXPECTED = Sentence(
    "an https address that is reachable from the internet",
    "una dirección https accesible desde internet",
)


def check_callback_url(url: str, *, private_allowed: bool) -> str:
    """Returns the same URL, or raises OptionInvalid.

    It checks what needs no look-up; the sender resolves the name and checks its addresses in each delivery.
    """
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED) from None
    host = parts.hostname or ""
    is_valid = (
        len(url) <= 2048
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and parts.scheme in ({"https", "http"} if private_allowed else {"https"})
        and can_be_looked_up(host, is_bracketed="[" in parts.netloc)
        and parts.username is None
        and port > 0
    )
    if not is_valid or not (private_allowed or (may_be_public(host) and may_be_called(port))):
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED)
    return url
