"""Where a callback may go: http(s) to a public address, unless the server's owner allows private ones."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from common.errors import OptionInvalid

_EXPECTED = (
    "an https address that is reachable from the internet / una dirección https accesible desde internet"
)


def check_callback_url(url: str, *, private_allowed: bool) -> str:
    """The same URL, or OptionInvalid.

    Only what can be told without a look-up: names are resolved, and their addresses judged, when the
    callback is sent.
    """
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED) from None
    sound = (
        len(url) <= 2048
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and parts.scheme in ({"https", "http"} if private_allowed else {"https"})
        and parts.hostname
        and parts.username is None
        and port_is_sound
    )
    if not sound or not (private_allowed or may_be_public(parts.hostname or "")):
        raise OptionInvalid(option="callbackUrl", expected=_EXPECTED)
    return url


def may_be_public(host: str) -> bool:
    """False for addresses, and names, that can only mean this machine or its own network."""
    try:
        return is_public(host)
    except ValueError:
        return "." in host and not host.rstrip(".").endswith((".localhost", ".local", ".internal"))


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the internet's. Raises ValueError when it is not numeric."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if embedded is not None:
            ip = embedded
        elif ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64: the last four bytes are an IPv4 address
            ip = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
    return ip.is_global and not ip.is_multicast
