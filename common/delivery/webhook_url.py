"""Which addresses a webhook may have: https and public ones, unless the owner allows private ones."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from common.errors import OptionInvalid, Sentence

_EXPECTED = Sentence(
    "an https address that is reachable from the internet",
    "una dirección https accesible desde internet",
)

# Names that can be looked up: labels of 1 to 63 letters, 253 in all (RFC 1123, 2.1; RFC 1035, 2.3.4).
# Host names have no underscores, but some in use do.
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")

# The IPv6 addresses of the internet are allocated here; all others are local ones or translations.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def check_callback_url(url: str, *, private_allowed: bool) -> str:
    """Returns the same URL, or raises OptionInvalid.

    It checks what needs no look-up; the sender resolves the name and checks its addresses in each delivery.
    """
    try:
        parts = urlsplit(url)
        is_port_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED) from None
    is_valid = (
        len(url) <= 2048
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and parts.scheme in ({"https", "http"} if private_allowed else {"https"})
        and _can_be_looked_up(parts.hostname or "", is_bracketed="[" in parts.netloc)
        and parts.username is None
        and is_port_valid
    )
    if not is_valid or not (private_allowed or may_be_public(parts.hostname or "")):
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED)
    return url


def _can_be_looked_up(host: str, *, is_bracketed: bool) -> bool:
    """Brackets must hold an IPv6 address without a zone: a zone has a meaning on this machine only."""
    if not is_bracketed:
        return bool(_NAME.fullmatch(host.removesuffix(".")))
    try:
        return not ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False


def may_be_public(host: str) -> bool:
    """False for addresses and names that can only be this machine's or its own network's."""
    name = host.removesuffix(".")
    try:
        return is_public(name)
    except ValueError:
        return "." in name and not name.endswith((".localhost", ".local", ".internal"))


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the internet's. Raises ValueError when it is not numeric."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if embedded is not None:
            ip = embedded
        elif ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64: the last four bytes are an IPv4 address
            ip = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
        elif ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast
