"""Reads the frames of MPEG audio (ISO 11172-3, 13818-3), and what an encoder notes in the first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from common.audio.formats.frames import ALL, FrameFormat, FrameWalk, walk_frames
from common.audio.formats.scan import Part, Scan

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version
_MPEG1, _LAYER_I, _LAYER_II, _LAYER_III = 3, 3, 2, 1
# kbit/s by bit rate index, for MPEG 1 and for the versions after it.
_KBITS = {
    (True, _LAYER_I): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, _LAYER_II): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, _LAYER_III): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, _LAYER_I): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, _LAYER_II): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, _LAYER_III): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_CODECS = {_LAYER_I: "mp1", _LAYER_II: "mp2", _LAYER_III: "mp3"}
_DECODER_DELAY = 529  # samples (LAME's tag, revision 1)
_MOST_JUNK = 4096  # bytes: the rest of a frame at a joint is no damage


@dataclass(frozen=True, slots=True)
class Mp3Format:
    """`lengths`: the bytes of a frame by the third byte of its header; 0 for a frame of another kind."""

    key: tuple[int, int, bool]
    rate: int
    samples: int
    channels: int
    layer: int
    second_byte: int
    lengths: tuple[int, ...]

    def walk(self, block: bytes, at: int, limit: int, most: int = ALL) -> tuple[int, int]:
        second, lengths, is_mono, frames = self.second_byte, self.lengths, self.channels == 1, 0
        while at < limit and frames < most:
            if block[at] != 0xFF or block[at + 1] != second or (block[at + 3] >= 0xC0) != is_mono:
                break
            length = lengths[block[at + 2]]
            if not length:
                break
            at += length
            frames += 1
        return at, frames


def read_mp3_format(block: bytes, at: int) -> FrameFormat | None:
    """The format of the frame that begins at `at`; None if none does."""
    if block[at] != 0xFF or block[at + 1] & 0xE0 != 0xE0:
        return None
    second, third, fourth = block[at + 1 : at + 4]
    version, layer, rate_index = second >> 3 & 3, second >> 1 & 3, third >> 2 & 3
    if version == 1 or not layer or rate_index == 3 or not 0 < third >> 4 < 15 or fourth & 3 == 2:
        return None
    rate, is_mono = _RATES[version][rate_index], fourth >= 0xC0
    samples = 384 if layer == _LAYER_I else 576 if layer == _LAYER_III and version != _MPEG1 else 1152
    return Mp3Format(
        key=(layer, rate, is_mono),
        rate=rate,
        samples=samples,
        channels=1 if is_mono else 2,
        layer=layer,
        second_byte=second,
        lengths=_lengths(version, layer, rate_index, rate, samples),
    )


@lru_cache
def _lengths(version: int, layer: int, rate_index: int, rate: int, samples: int) -> tuple[int, ...]:
    lengths = [0] * 256
    slot = 4 if layer == _LAYER_I else 1  # bytes of the padding
    for index, kbits in enumerate(_KBITS[version == _MPEG1, layer], start=1):
        size = samples * kbits * 125 // rate // slot * slot
        for rest in range(4):  # the padding bit and the private bit
            lengths[index << 4 | rate_index << 2 | rest] = size + (slot if rest & 2 else 0)
    return tuple(lengths)


def scan_mp3(file: BinaryIO, size: int) -> Scan | None:
    """None unless the file is plainly one of MPEG audio frames."""
    walk = walk_frames(file, size, read_mp3_format)
    if walk is None:
        return None
    first = walk.stretches[0].format
    codec = _CODECS[first.layer] if isinstance(first, Mp3Format) else ""
    tag = read_tag(file, walk.stretches[0].start, first) if codec == "mp3" else None
    return Scan(
        container="mp3",
        codec=codec,
        sample_rate=first.rate,
        channels=max(stretch.format.channels for stretch in walk.stretches),
        parts=_parts(walk, tag),
        claimed=tag.claimed if tag else None,
        is_damaged=walk.junk_bytes > _MOST_JUNK,
    )


@dataclass(frozen=True, slots=True)
class Tag:
    """The first frame when it holds no sound but notes: `claimed` seconds, and seconds not to be played.

    `lead` of these are at the start. `name` and `lame` say where in the frame its parts begin.
    """

    claimed: float | None
    silent: float
    lead: float
    name: int
    lame: int


def _parts(walk: FrameWalk, tag: Tag | None) -> tuple[Part, ...]:
    parts = [stretch.part() for stretch in walk.stretches]
    if tag:
        first = parts[0]
        parts[0] = Part(first.start, first.end, max(0.0, first.seconds - tag.silent))
    return tuple(parts)


def read_tag(file: BinaryIO, start: int, format_: FrameFormat) -> Tag | None:
    """The tag of the first frame (Xing, Info), with LAME's count of the samples that encoding added."""
    frame = os.pread(file.fileno(), 256, start)
    at = max(frame.find(b"Xing", 4, 44), frame.find(b"Info", 4, 44))
    if at < 0:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8])
    count = int.from_bytes(frame[at + 8 : at + 12]) if flags & 1 else None
    lame = at + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    added = int.from_bytes(frame[lame + 21 : lame + 24])
    delay, padding = added >> 12, added & 0xFFF
    lead, end = format_.samples, 0
    if frame[lame : lame + 4] in {b"LAME", b"Lavf", b"Lavc"}:
        lead, end = lead + delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
    rate = format_.rate
    claimed = count * format_.samples / rate if count else None
    return Tag(claimed, (lead + end) / rate, lead / rate, at, lame)
