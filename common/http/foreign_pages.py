"""Refuses what a browser sends for a page of another site: a form posted here, a name that was rebound to us.

CORS keeps a foreign page only from reading answers. https://owasp.org/www-community/attacks/csrf and
https://en.wikipedia.org/wiki/DNS_rebinding
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from common.errors import HostUnknown, OriginRefused
from common.http.edge import host_as_sent

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, 9.2.1
# Platforms ask an instance by its address.
_ANY_HOST = "/health"


@dataclass(frozen=True, slots=True)
class KnownPages:
    """Which pages and names are ours: `origins` of pages that may call the server, and its own address.

    `is_local`: only programs of this machine can connect.
    """

    origins: tuple[str, ...] = ()
    public_url: str | None = None
    is_local: bool = False

    async def check(self, connection: HTTPConnection) -> None:
        """A dependency of every route. Raises OriginRefused, HostUnknown.

        It is for HTTP: a WebSocket's origin is checked before it is accepted, and its job needs an id.
        """
        if connection.scope["type"] != "http":
            return
        self.check_origin(connection)
        if connection.scope["path"] != _ANY_HOST:
            self.check_host(connection)

    def check_origin(self, connection: HTTPConnection) -> None:
        """Raises OriginRefused where a page that CORS_ORIGINS does not name would change something."""
        origin = connection.headers.get("origin")
        is_open = not self.origins or "*" in self.origins or connection.scope["method"] in _SAFE_METHODS
        if origin is None or is_open or origin in self.origins:
            return
        if host_of(origin) != connection.headers.get("host"):
            raise OriginRefused(origin=origin[:100])

    def check_host(self, connection: HTTPConnection) -> None:
        """Raises HostUnknown where PUBLIC_URL or a loopback HOST says by which names clients know us."""
        if self.public_url is None and not self.is_local:
            return
        # A page that had its name rebound to this machine can write X-Forwarded-Host, but not Host.
        sent = host_as_sent(connection) if self.is_local else connection.headers.get("host", "")
        name = _name_of(sent)
        if not is_loopback(name) and name != urlsplit(self.public_url or "").hostname:
            raise HostUnknown(host=sent[:100])


def host_of(origin: str) -> str | None:
    """The host and port of an origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def is_loopback(name: str) -> bool:
    """Whether a name means this machine and no resolver says otherwise (RFC 6761, 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
