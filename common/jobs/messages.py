"""Messages to watchers: each event becomes JSON once for each language, however many watch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from common.errors import Language
from common.jobs.view import View, event_view, snapshot_view
from common.models import Job, JobEvent, Piece


@dataclass(frozen=True, slots=True)
class Message:
    """`json` is what is sent; `seq` is None for a ping, which reports no change."""

    json: str
    seq: int | None = None


PING = Message('{"type":"ping"}')


def snapshot_message(
    job: Job, pieces: Iterable[Piece], language: Language, *, partial: JobEvent | None = None
) -> Message:
    view = snapshot_view(job, pieces, language=language, partial=partial)
    return Message(_to_json(view), job.seq)


def event_message(event: JobEvent, language: Language) -> Message:
    return _event_message(_EventIdentity(event), language)


class _EventIdentity:
    """An event compared by identity: the same `seq` read again after an erasure has no text any more."""

    __slots__ = ("event",)

    def __init__(self, event: JobEvent) -> None:
        self.event = event

    def __hash__(self) -> int:
        return id(self.event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _EventIdentity) and other.event is self.event


# Watchers of one job are sent an event within moments of each other, so few events are enough.
@lru_cache(maxsize=32)
def _event_message(identity: _EventIdentity, language: Language) -> Message:
    event = identity.event
    return Message(_to_json(event_view(event, language=language)), event.seq)


def _to_json(view: View) -> str:
    return json.dumps(view, ensure_ascii=False, separators=(",", ":"))
