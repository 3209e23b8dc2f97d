"""Embeddings, and which voices speak when, ↔ the bytes in which they are kept while a job runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.speakers.chunks import Active, Chunks
from common.speakers.features import Floats
from common.speakers.records import CHUNK, SIZE, VOICE
from common.speakers.segmentation import FRAMES, VOICES
from common.speakers.windows import Span

_RECORD = np.dtype([("mark", f"S{len(VOICE)}"), ("start", "<f4"), ("end", "<f4"), ("voice", "<f2", SIZE)])
_BITS = FRAMES * VOICES


def pack(window: Span, embedding: Floats) -> bytes:
    return np.array([(VOICE, window.start, window.end, embedding)], _RECORD).tobytes()


def pack_chunks(chunks: Chunks) -> list[bytes]:
    """A bit for each frame and voice, where an embedding would be; nothing where nobody speaks."""
    return [
        _pack_chunk(start, end, active) if active.any() else b""
        for start, end, active in zip(*chunks, strict=True)
    ]


def _pack_chunk(start: float, end: float, active: Active) -> bytes:
    record = np.array((CHUNK, start, end, 0), _RECORD)
    bits = np.packbits(active)
    record["voice"].view(np.uint8)[: len(bits)] = bits
    return record.tobytes()


def unpack(packed: bytes) -> tuple[NDArray[np.float32], Floats]:
    """The times (window, 2) and the embeddings (window, SIZE), which are unit vectors again; in order."""
    records = np.frombuffer(packed, _RECORD)
    heard = np.flatnonzero(records["mark"] == VOICE)
    records = records[heard[np.argsort(records["start"][heard], kind="stable")]]  # hours are copied once
    times = np.stack([records["start"], records["end"]], axis=1)
    voices = records["voice"].astype(np.float32)
    voices /= np.maximum(np.linalg.norm(voices, axis=1, keepdims=True), np.float32(1e-6))
    return times, voices


def unpack_chunks(packed: bytes) -> Chunks:
    """Those in which somebody speaks."""
    records = np.frombuffer(packed, _RECORD)
    records = records[records["mark"] == CHUNK]
    records = records[np.argsort(records["start"], kind="stable")]
    bits = np.unpackbits(np.ascontiguousarray(records["voice"]).view(np.uint8), axis=1, count=_BITS)
    active = bits.reshape(-1, FRAMES, VOICES).view(np.bool_)
    return Chunks(records["start"].astype(np.float64), records["end"].astype(np.float64), active)
