"""Messages to those who watch: each event becomes JSON once, however many watch in the same language."""

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
    """`json` is what is sent; `seq` is None for a ping, which tells of no change."""

    json: str
    seq: int | None = None


PING = Message('{"type":"ping"}')


def snapshot(job: Job, pieces: Iterable[Piece], language: Language) -> Message:
    return Message(_json(snapshot_view(job, pieces, language=language)), job.seq)


def news(event: JobEvent, language: Language) -> Message:
    return _news(_This(event), language)


class _This:
    """One event by identity: the same `seq` read again after an erasure has no text any more."""

    __slots__ = ("event",)

    def __init__(self, event: JobEvent) -> None:
        self.event = event

    def __hash__(self) -> int:
        return id(self.event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other.event is self.event


# As many as are told at once; those who watch are told within moments of each other.
@lru_cache(maxsize=32)
def _news(this: _This, language: Language) -> Message:
    return Message(_json(event_view(this.event, language=language)), this.event.seq)


def _json(view: View) -> str:
    return json.dumps(view, ensure_ascii=False, separators=(",", ":"))
