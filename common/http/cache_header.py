"""What a response says of its text in headers: that it was kept, that its speakers are still to come."""

from __future__ import annotations

from starlette.requests import Request

from common.models import Job


def note_cache(request: Request, *, is_hit: bool) -> dict[str, str]:
    """The header of a response whose text was kept, none of another; the request's log event says which."""
    request.state.cache = "hit" if is_hit else "miss"
    return cache_header(is_hit)


def cache_header(is_hit: bool | None) -> dict[str, str]:
    return {"X-Escriba-Cache": "hit"} if is_hit else {}


def speakers_header(job: Job) -> dict[str, str]:
    """`added` also for a text that was corrected without them since: a client that made it has none yet."""
    if job.speakers_progress is not None:
        return {"X-Escriba-Speakers": "pending"}
    return {} if job.unlabelled_seq is None else {"X-Escriba-Speakers": "added"}
