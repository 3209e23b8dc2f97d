"""Reads how much sound a wav file holds (RIFF, without compression)."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from common.audio.formats.scan import Part, Scan

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_SUBFORMAT_END = bytes.fromhex("000000001000800000aa00389b71")
_CODECS = {
    (_PCM, 8): "pcm_u8",
    (_PCM, 16): "pcm_s16le",
    (_PCM, 24): "pcm_s24le",
    (_PCM, 32): "pcm_s32le",
    (_FLOAT, 32): "pcm_f32le",
    (_FLOAT, 64): "pcm_f64le",
    (_ALAW, 8): "pcm_alaw",
    (_MULAW, 8): "pcm_mulaw",
}
_MOST_CHUNKS = 100


def scan_wav(file: BinaryIO, size: int) -> Scan | None:
    """None unless it is plain PCM. The sizes in the header are ignored past the end of the file."""
    at, codec, rate, channels, frame = 12, "", 0, 0, 0
    for _ in range(_MOST_CHUNKS):
        head = os.pread(file.fileno(), 48, at)
        if len(head) < 8:
            return None
        kind, length, body = head[:4], int.from_bytes(head[4:8], "little"), head[8:]
        if kind == b"data":
            # A stream's size is 0 or 0xFFFFFFFF: the sound goes to the end of the file.
            end = min(size, at + 8 + length) if length else size
            seconds = (end - at - 8) / frame / rate if codec else 0.0
            return Scan("wav", codec, rate, channels, (Part(at, end, seconds),)) if codec else None
        if kind == b"fmt ":
            if (found := _read_format(body, length)) is None:
                return None
            codec, rate, channels, frame = found
        at += 8 + length + length % 2
    return None


def _read_format(body: bytes, length: int) -> tuple[str, int, int, int] | None:
    """Codec, rate, channels, and the bytes of one sample of all channels."""
    if len(body) < min(length, 40) or length < 16:
        return None
    kind, channels, rate, byte_rate, frame, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and length >= 40 and body[26:40] == _SUBFORMAT_END:
        kind = int.from_bytes(body[24:26], "little")
    codec = _CODECS.get((kind, bits))
    is_consistent = frame == channels * bits // 8 > 0 and byte_rate == frame * rate > 0
    return (codec, rate, channels, frame) if codec and is_consistent else None
