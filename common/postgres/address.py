"""DATABASE_URL: what of it can be seen to be wrong before anything is connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from common.stores import DatabaseUnusable

if TYPE_CHECKING:
    from ssl import SSLContext

# A pool that hands a connection on after each transaction has neither prepared statements nor LISTEN.
POOLED = (
    "DATABASE_URL leads to a connection pool in transaction mode, which has no LISTEN: use the direct "
    "address (Neon: the host without '-pooler'; Supabase: port 5432)."
)
_TRANSACTION_POOL_PORT = 6543
_VERIFIED = ("verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Address:
    """`url` as asyncpg takes it. `tls`: the system's own certificates have to prove the server."""

    url: str
    tls: SSLContext | None = None


def read_address(url: str) -> Address:
    """Raises DatabaseUnusable; the sentence never repeats the password."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if "-pooler." in (parts.hostname or "") or parts.port == _TRANSACTION_POOL_PORT or "pgbouncer" in options:
        raise DatabaseUnusable(POOLED)
    # libpq's own: asyncpg would send it to the server as a setting.
    options.pop("channel_binding", None)
    tls = None
    if options.get("sslmode") in _VERIFIED and options.get("sslrootcert", "system") == "system":
        options.pop("sslrootcert", None)
        tls = _verify(has_name=options.pop("sslmode") == "verify-full")
    return Address(urlunsplit(parts._replace(query=urlencode(options))), tls)


def _verify(*, has_name: bool) -> SSLContext:
    """libpq takes `system` for the certificates that the system trusts; so do we where the URL names none."""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = has_name
    return context
