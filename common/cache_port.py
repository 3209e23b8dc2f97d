"""The port of kept texts: what a deployment target offers so that equal recordings are transcribed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from common.models import Transcript


@dataclass(frozen=True, slots=True)
class CacheKey:
    """`recording` names a recording of a caller, `answer` also all that its text depends on."""

    recording: str
    answer: str


class TranscriptCache(Protocol):
    """Texts of recordings that were transcribed before, as far as there is room for them."""

    async def get(self, key: CacheKey, *, now: float) -> Transcript | None: ...

    async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
        """Keep a text until `expires_at`, or until newer ones need its room."""

    async def forget(self, recording: str) -> None:
        """Remove every text of a recording."""

    async def expire(self, *, now: float) -> None:
        """Remove what has expired."""
