"""How a response and the log say that a kept text was the answer."""

from __future__ import annotations

from starlette.requests import Request


def note_cache(request: Request, *, is_hit: bool) -> dict[str, str]:
    """The header of a response whose text was kept, none of another; the request's log event says which."""
    request.state.cache = "hit" if is_hit else "miss"
    return cache_header(is_hit)


def cache_header(is_hit: bool | None) -> dict[str, str]:
    return {"X-Escriba-Cache": "hit"} if is_hit else {}
