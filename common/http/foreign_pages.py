"""Refuses what a browser sends for a page of another site: a form posted here, a name that was rebound to us.

CORS keeps a foreign page only from reading answers. https://owasp.org/www-community/attacks/csrf and
https://en.wikipedia.org/wiki/DNS_rebinding
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from common.errors import HostUnknown, OriginRefused
from common.http.edge import host_as_sent
from common.settings import Settings

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, 9.2.1
# Platforms ask an instance by its address.
_ANY_HOST = "/health"


async def refuse_foreign_pages(connection: HTTPConnection) -> None:
    """A dependency of every route. Raises OriginRefused, HostUnknown.

    It is for HTTP: a WebSocket's origin is checked before it is accepted, and its job needs an id.
    """
    if connection.scope["type"] != "http":
        return
    settings: Settings = connection.app.state.services.settings
    check_origin(connection, settings)
    if connection.scope["path"] != _ANY_HOST:
        check_host(connection, settings)


def check_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Raises OriginRefused where a page that CORS_ORIGINS does not name would change something."""
    origin, allowed = connection.headers.get("origin"), settings.cors_origins
    if origin is None or not allowed or "*" in allowed or connection.scope["method"] in _SAFE_METHODS:
        return
    if origin not in allowed and host_of(origin) != connection.headers.get("host"):
        raise OriginRefused(origin=origin[:100])


def check_host(connection: HTTPConnection, settings: Settings) -> None:
    """Raises HostUnknown where PUBLIC_URL or a loopback HOST says by which names clients know this server."""
    is_local = connection.app.state.is_local
    if settings.public_url is None and not is_local:
        return
    # A page that had its name rebound to this machine can write X-Forwarded-Host, but not Host.
    sent = host_as_sent(connection) if is_local else connection.headers.get("host", "")
    name = _name_of(sent)
    if not is_loopback(name) and name != urlsplit(settings.public_url or "").hostname:
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
