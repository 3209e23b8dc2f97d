"""DATABASE_URL: what of it can be seen to be wrong before anything is connected."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from common.postgres.errors import DatabaseUnusable

# A pool that hands a connection on after each transaction has neither prepared statements nor LISTEN.
POOLED = (
    "DATABASE_URL leads to a connection pool in transaction mode, which has no LISTEN: use the direct "
    "address (Neon: the host without '-pooler'; Supabase: port 5432)."
)
_TRANSACTION_POOL_PORT = 6543


def check_address(url: str) -> str:
    """The address as asyncpg takes it. Raises DatabaseUnusable; the sentence never repeats the password."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if "-pooler." in (parts.hostname or "") or parts.port == _TRANSACTION_POOL_PORT or "pgbouncer" in options:
        raise DatabaseUnusable(POOLED)
    # libpq's own: asyncpg would send it to the server as a setting.
    options.pop("channel_binding", None)
    return urlunsplit(parts._replace(query=urlencode(options)))
