"""Where a request carries its key or token: headers, a WebSocket's subprotocol, or `?ticket=`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from common.access import tokens

# A client offers `escriba` and its key as subprotocols; the server accepts the first (RFC 6455, 1.9), since a
# browser cannot set the headers of a WebSocket.
SUBPROTOCOL = "escriba"

_LONGEST = 2048  # characters; a longer text is no key


def find_credential(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> str | None:
    """The key or token as it was sent; None where there is none.

    Authorization wins, then X-API-Key, Azure's api-key, the subprotocol, and last a token in the address,
    which anybody who reads a log could use for as long as it lives. A key is never read from the address.
    """
    values = {name: value.decode("latin-1").strip() for name, value in headers if name in _HEADERS}
    scheme, _, bearer = values.get(b"authorization", "").partition(" ")
    candidates = [
        bearer.strip() if scheme.lower() == "bearer" else "",
        values.get(b"x-api-key", ""),
        values.get(b"api-key", ""),
        _of_subprotocols(values.get(b"sec-websocket-protocol", "")),
        _ticket(query),
    ]
    return next((text[:_LONGEST] for text in candidates if text), None)


_HEADERS = {b"authorization", b"x-api-key", b"api-key", b"sec-websocket-protocol"}


def _of_subprotocols(offered: str) -> str:
    names = [name.strip() for name in offered.split(",")]
    return next((name for name in names if name != SUBPROTOCOL), "") if SUBPROTOCOL in names else ""


def _ticket(query: bytes) -> str:
    if b"ticket=" not in query:
        return ""
    value = dict(parse_qsl(query.decode("latin-1"))).get("ticket", "")
    return value if value.startswith(tokens.PREFIX) else ""
