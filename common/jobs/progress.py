"""How far a job is, from 0 to 100; all pure. Preparing is quick beside the engine's work."""

from __future__ import annotations

_DOWNLOADED = 5.0
_PREPARED = 10.0
MERGING = 99.0


def of_downloading(share: float) -> float:
    """`share` (0 to 1) of the recording has come from its address."""
    return _DOWNLOADED * share


def of_preparing(share: float) -> float:
    """`share` (0 to 1) of the recording has been read and made ready."""
    return _PREPARED * share


def of_pieces(done: int, total: int) -> float:
    return _PREPARED + (MERGING - _PREPARED) * done / max(total, 1)
