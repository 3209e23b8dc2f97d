"""Which addresses a recording may be fetched from, as far as that can be said without a look-up. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.errors import OptionInvalid, Sentence, UrlNotPublic
from common.outbound.public_address import can_be_looked_up, may_be_called, may_be_public

if TYPE_CHECKING:
    import httpx

MAX_CHARACTERS = 8 * 1024  # signed addresses have some thousand

_EXPECTED = Sentence(
    "an http or https address without user and password",
    "una dirección http o https sin usuario ni contraseña",
)


def parse_address(url: str, *, private_allowed: bool) -> httpx.URL:
    """The address as it is called: names and paths of any script are encoded.

    Raises OptionInvalid for what is no such address, UrlNotPublic for what can only be a private one.
    """
    import httpx

    try:
        address = httpx.URL(url)
        host = address.raw_host.decode("ascii").strip("[]")
        default_port = 443 if address.scheme == "https" else 80
        port = default_port if address.port is None else address.port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise _invalid() from None
    if not (
        len(url) <= MAX_CHARACTERS
        and url.isprintable()
        and address.scheme in {"http", "https"}
        and can_be_looked_up(host, is_bracketed=":" in host)
        and not address.userinfo
        and 0 < port <= 65535
    ):
        raise _invalid()
    if not (private_allowed or (may_be_public(host) and may_be_called(port))):
        raise UrlNotPublic
    return address.copy_with(fragment=None)


def redirected(address: httpx.URL, location: str, *, private_allowed: bool) -> httpx.URL:
    """Where a redirect leads, checked as any address. Raises UrlNotPublic, OptionInvalid."""
    import httpx

    try:
        target = str(address.join(location))
    except (httpx.InvalidURL, ValueError):
        raise _invalid() from None
    return parse_address(target, private_allowed=private_allowed)


def _invalid() -> OptionInvalid:
    return OptionInvalid(option="url", expected=_EXPECTED)
