"""Embeddings ↔ the bytes in which they are kept while a job runs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from common.speakers.features import Floats
from common.speakers.records import MARK, SIZE
from common.speakers.windows import Span

_RECORD = np.dtype([("mark", f"S{len(MARK)}"), ("start", "<f4"), ("end", "<f4"), ("voice", "<f2", SIZE)])


def pack(window: Span, embedding: Floats) -> bytes:
    return np.array([(MARK, window.start, window.end, embedding)], _RECORD).tobytes()


def pack_speech(span: Span) -> bytes:
    """Speech that has no words: a record without a voice."""
    return pack(span, np.zeros(SIZE, np.float32))


def unpack(packed: bytes) -> tuple[NDArray[np.float32], Floats]:
    """The times (window, 2) and the embeddings (window, SIZE), which are unit vectors again; in order."""
    records = np.frombuffer(packed, _RECORD)
    heard = np.flatnonzero(_has_voice(records))
    records = records[heard[np.argsort(records["start"][heard], kind="stable")]]  # hours are copied once
    times = np.stack([records["start"], records["end"]], axis=1)
    voices = records["voice"].astype(np.float32)
    voices /= np.maximum(np.linalg.norm(voices, axis=1, keepdims=True), np.float32(1e-6))
    return times, voices


def unpack_speech(packed: bytes) -> list[Span]:
    """The speech that has no words."""
    records = np.frombuffer(packed, _RECORD)
    records = records[~_has_voice(records)]
    return spans_of(zip(records["start"], records["end"], strict=True))


def _has_voice(records: NDArray[np.void]) -> NDArray[np.bool_]:
    return np.asarray(records["voice"].any(axis=1), np.bool_)


def spans_of(times: Iterable[Iterable[float]]) -> list[Span]:
    return [Span(*map(float, pair)) for pair in times]
