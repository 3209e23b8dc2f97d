"""How far a job is, from 0 to 100; all pure. Preparing is quick beside the engine's work."""

from __future__ import annotations

_DOWNLOADED = 5.0
_PREPARED = 10.0
MERGING = 99.0
_WITH_SPEAKERS = 99.9

_NEWS = 1.0
_NEWS_EVERY = 2.0  # seconds


def of_downloading(share: float) -> float:
    """`share` (0 to 1) of the recording has come from its address."""
    return _DOWNLOADED * share


def of_preparing(share: float) -> float:
    """`share` (0 to 1) of the recording has been read and made ready."""
    return _PREPARED * share


def of_transcribing(share: float) -> float:
    """`share` (0 to 1) of the recording is transcribed."""
    return _PREPARED + (MERGING - _PREPARED) * share


def of_listening(share: float) -> float:
    """`share` (0 to 1) of the voices are known, once the text is there."""
    return MERGING + (_WITH_SPEAKERS - MERGING) * share


def of_pieces(done: int, total: int, share: float | None = None) -> float:
    """Without `share`, the pieces count as equally long."""
    return of_transcribing(done / max(total, 1) if share is None else share)


def is_news(progress: float, *, before: float, seconds: float) -> bool:
    """Whether progress is worth a commit, `seconds` after the last: a job has a hundred of them at most."""
    return progress - before >= _NEWS and seconds >= _NEWS_EVERY
