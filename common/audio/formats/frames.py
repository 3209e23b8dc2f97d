"""Walks the frames of mp3 and ADTS files: how long they last, and where they change or are damaged.

A Python loop over the headers costs a twentieth of what ffmpeg's copy of the same packets costs. What is not
plainly such a file is left to ffmpeg.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from common.audio.formats.scan import MOST_PARTS, Part
from common.errors import AudioTooCostly

_BLOCK_BYTES = 256 * 1024
_MOST_HEADER_BYTES = 8
_FIRST_WITHIN = 64 * 1024  # bytes before the first frame: zeros, or the rest of a frame
_CONFIRM = 4  # frames in a row that make a beginning certain
_CONFIRM_BYTES = 32 * 1024  # of layer II at its highest rate
_MOST_ROUNDS = 1_000  # a hostile file may be damaged at every frame; it is left to ffmpeg


ALL = 2**62  # frames


class FrameFormat(Protocol):
    """How the headers of one kind of frames are read."""

    @property
    def samples(self) -> int:
        """Of one frame."""

    @property
    def rate(self) -> int:
        """In Hz."""

    @property
    def channels(self) -> int: ...

    @property
    def key(self) -> object:
        """Frames of different keys cannot be one recording."""

    def walk(self, block: bytes, at: int, limit: int, most: int = ALL) -> tuple[int, int]:
        """Skip `most` frames of this format from `at`, while their headers begin before `limit`.

        Returns where the first other bytes are, and how many frames were skipped.
        """


ReadFormat = Callable[[bytes, int], "FrameFormat | None"]


@dataclass(slots=True)
class Stretch:
    """Frames of one format in a row; `end` may lie past the end of the file when the last is cut off."""

    format: FrameFormat
    start: int
    end: int
    frames: int = 0

    @property
    def seconds(self) -> float:
        return self.frames * self.format.samples / self.format.rate

    def part(self) -> Part:
        return Part(self.start, self.end, self.seconds)


@dataclass(slots=True)
class FrameWalk:
    """The stretches of a file, and how many bytes between them are no frames."""

    stretches: list[Stretch]
    junk_bytes: int = 0


def walk_frames(file: BinaryIO, end: int, read: ReadFormat) -> FrameWalk | None:
    """Walk all frames of the file; None if it has no plain beginning, or no order."""
    search = FrameSearch(file, end, read)
    found = search.first()
    walk = FrameWalk([])
    for _ in range(_MOST_ROUNDS):
        if found is None:
            break
        stretch = walk_stretch(file, found[0], end, found[1])
        _append(walk, stretch)
        found = search.find(stretch.end, within=end)
        walk.junk_bytes += _junk_between(file, stretch.end, found[0] if found else end)
    if len(walk.stretches) > MOST_PARTS:
        raise AudioTooCostly
    is_plain = bool(walk.stretches) and found is None and search.left > 0
    return walk if is_plain and walk.junk_bytes < end / 2 else None


def _append(walk: FrameWalk, stretch: Stretch) -> None:
    """Add a stretch, to the one before it if that has the same format."""
    last = walk.stretches[-1] if walk.stretches else None
    if last and last.format.key == stretch.format.key:
        last.end, last.frames = stretch.end, last.frames + stretch.frames
    else:
        walk.stretches.append(stretch)


def walk_stretch(file: BinaryIO, at: int, end: int, format_: FrameFormat, *, most: int = ALL) -> Stretch:
    """Walk up to `most` frames of one format from `at`."""
    stretch = Stretch(format_, at, at)
    while at < end and stretch.frames < most:
        block = os.pread(file.fileno(), min(_BLOCK_BYTES, end - at), at)
        limit = len(block) - _MOST_HEADER_BYTES
        stopped, frames = format_.walk(block, 0, limit, most - stretch.frames)
        at += stopped
        stretch.end, stretch.frames = at, stretch.frames + frames
        if stopped < limit or not frames:
            break
    return stretch


@dataclass(slots=True)
class FrameSearch:
    """Finds where frames follow each other; it looks at no more than `left` places of a hostile file."""

    file: BinaryIO
    end: int
    read: ReadFormat
    left: int = 200_000

    def first(self) -> tuple[int, FrameFormat] | None:
        """Where the frames begin, and their format; None if that is not near the start of the file."""
        return self.find(0, within=_FIRST_WITHIN)

    def find(self, start: int, *, within: int) -> tuple[int, FrameFormat] | None:
        """The first such place from `start`, and its format."""
        at, until = start, min(self.end, start + within)
        while at < until:
            at += _tag_bytes(os.pread(self.file.fileno(), 32, at))
            block = os.pread(self.file.fileno(), min(_BLOCK_BYTES, max(0, self.end - at)), at)
            if len(block) <= _MOST_HEADER_BYTES:
                return None
            for place in self._syncs(block):
                if (format_ := self.read(block, place)) and self._is_confirmed(block, place, at, format_):
                    return at + place, format_
            at += len(block) - _MOST_HEADER_BYTES
        return None

    def _syncs(self, block: bytes) -> Iterator[int]:
        place = block.find(b"\xff")
        while 0 <= place < len(block) - _MOST_HEADER_BYTES and self.left > 0:
            self.left -= 1
            yield place
            place = block.find(b"\xff", place + 1)

    def _is_confirmed(self, block: bytes, place: int, at: int, format_: FrameFormat) -> bool:
        """Whether more frames follow, or the frames reach the end of the file."""
        limit = min(len(block) - _MOST_HEADER_BYTES, place + _CONFIRM_BYTES)
        stopped, frames = format_.walk(block, place, limit)
        if stopped < limit or frames >= _CONFIRM:
            return frames >= _CONFIRM
        if at + stopped >= self.end - _MOST_HEADER_BYTES:
            return frames > 0
        return place > 0 and self._is_confirmed_beyond(at + place, format_)

    def _is_confirmed_beyond(self, at: int, format_: FrameFormat) -> bool:
        """The same, for frames that begin at the end of a block."""
        block = os.pread(self.file.fileno(), _CONFIRM_BYTES, at)
        return self._is_confirmed(block, 0, at, format_)


def _tag_bytes(head: bytes) -> int:
    """The size of a tag that begins here (ID3v2, APEv2, ID3v1), else 0."""
    if head[:3] == b"ID3" and len(head) >= 10 and not any(byte & 0x80 for byte in head[6:10]):
        footer = 10 if head[5] & 0x10 else 0
        return 10 + footer + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    if head[:8] == b"APETAGEX" and len(head) == 32:
        return int.from_bytes(head[12:16], "little") + (32 if head[23] & 0x20 else 0)
    return 128 if head[:3] == b"TAG" else 0


def _junk_between(file: BinaryIO, start: int, end: int) -> int:
    """How many bytes from `start` to `end` are neither frames nor tags."""
    while start < end and (size := _tag_bytes(os.pread(file.fileno(), 32, start))):
        start += size
    return max(0, end - start)
