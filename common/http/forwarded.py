"""What proxies say of a request (Forwarded, X-Forwarded-*): client, scheme, host and prefix. Pure.

Each proxy appends what it saw, so the client's address is counted from the right: further left anybody may
have written anything. Scheme, host and prefix change only the links in the client's own responses, so there
the first entry counts, which is what the client used.
https://www.rfc-editor.org/rfc/rfc7239 and https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

Headers = Iterable[tuple[bytes, bytes]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What TRUSTED_PROXIES may hold besides addresses and networks.
PRIVATE, ANY, NONE = "private", "*", "none"

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,\s"]+)')
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a proxy says; None where it says nothing that can be used."""

    client: Address | None = None
    scheme: str | None = None
    host: str | None = None
    prefix: str = ""


class TrustedProxies:
    """Whose headers are believed: `names` of addresses, networks, `private`, `*` or `none`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        words = {PRIVATE, ANY, NONE}
        self._networks = [ipaddress.ip_network(name, strict=False) for name in self._names - words]

    def trust(self, peer: Address | None) -> bool:
        if ANY in self._names:
            return True
        if peer is None:
            return False
        # Not global: loopback, private and shared address space, as between a platform's proxy and us.
        is_private = PRIVATE in self._names and not peer.is_global
        return is_private or any(peer in network for network in self._networks)


def read_forwarded(headers: Headers, *, hops: int) -> Forwarded:
    """`hops` is the number of proxies between the client and us.

    X-Forwarded-* win: most proxies set only them, and pass on a Forwarded that the client wrote.
    """
    values: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        values[key] = f"{values[key]},{text}" if key in values else text
    elements = [_parameters(element) for element in _ELEMENT.findall(values.get("forwarded", ""))]
    scheme = _scheme(_first(values.get("x-forwarded-proto", "")) or _first_of(elements, "proto"))
    return Forwarded(
        client=parse_address(_client(values, elements, hops)),
        scheme=scheme,
        host=_host(values, elements, scheme),
        prefix=_prefix(values.get("x-forwarded-prefix", "")),
    )


def parse_address(text: str) -> Address | None:
    """An address, perhaps with a port, as proxies write it."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parameters(element: str) -> dict[str, str]:
    return {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(element)}


def _first(listed: str) -> str:
    return listed.partition(",")[0].strip()


def _first_of(elements: list[dict[str, str]], name: str) -> str:
    return next((element[name] for element in elements if name in element), "")


def _client(values: dict[str, str], elements: list[dict[str, str]], hops: int) -> str:
    if listed := values.get("x-forwarded-for"):
        addresses = listed.split(",")
    else:
        addresses = [element.get("for", "") for element in elements]
    return addresses[-min(hops, len(addresses))] if addresses else ""


def _scheme(text: str) -> str | None:
    scheme = {"wss": "https", "ws": "http"}.get(text.lower(), text.lower())
    return scheme if scheme in {"http", "https"} else None


def _host(values: dict[str, str], elements: list[dict[str, str]], scheme: str | None) -> str | None:
    host = _first(values.get("x-forwarded-host", "")) or _first_of(elements, "host")
    if not _HOST.fullmatch(host):
        return None
    port = _first(values.get("x-forwarded-port", ""))
    has_port = host.rpartition("]")[2].count(":") == 1
    if has_port or not port.isdecimal() or port == _DEFAULT_PORTS.get(scheme or "http"):
        return host
    return f"{host}:{int(port) % 65536}"


def _prefix(listed: str) -> str:
    """The paths that the proxies removed, the outermost first; none if one is no path."""
    parts = ["/" + part.strip().strip("/") for part in listed.split(",") if part.strip().strip("/")]
    prefix = "".join(parts)
    return prefix if _PREFIX.fullmatch(prefix) and ".." not in prefix else ""
