"""Cuts a piece out of an mp3 by copying its frames, which takes no decoder, no muxer and no process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from common.audio.formats.frames import ALL, FrameSearch, walk_stretch
from common.audio.formats.mp3 import Tag, read_mp3_format, read_tag
from common.audio.formats.slice import Slice

_BLOCK_BYTES = 1024 * 1024
_LAME_BYTES = 36


def slice_mp3(source: Path, target: Path, start: float, length: float | None) -> Slice | None:
    """Write the frames from `start`, over `length` seconds or to the end, as a new file `target`.

    None, and no file, where the frames do not follow each other without a break: ffmpeg shall cut then.
    """
    with source.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        search = FrameSearch(file, size, read_mp3_format)
        if (found := search.first()) is None:
            return None
        at, format_ = found
        tag = read_tag(file, at, format_)
        frame_seconds = format_.samples / format_.rate
        lead = tag.lead if tag else 0.0
        skipped = int((start + lead) / frame_seconds) if start else 0
        count = ALL if length is None else int((start + length + lead) / frame_seconds) + 1 - skipped
        before = walk_stretch(file, at, size, format_, most=skipped)
        piece = walk_stretch(file, before.end, size, format_, most=count)
        is_broken = piece.frames < count and search.find(piece.end, within=size) is not None
        if before.frames < skipped or not piece.frames or is_broken:
            return None
        head = _first_frame(file, at, tag) if tag and not skipped else b""
        _write(target, head, file, piece.start + len(head), min(size, piece.end))
    begin = skipped * frame_seconds - lead if skipped else 0.0
    return Slice(begin, (skipped + piece.frames) * frame_seconds - lead - begin)


def _first_frame(file: BinaryIO, at: int, tag: Tag) -> bytes:
    """The start of the first frame without its counts, which are those of the whole file.

    What the encoder added at the start stays noted, so that decoders drop it here too.
    """
    head = os.pread(file.fileno(), tag.lame + _LAME_BYTES, at)
    lame = bytearray(head[tag.lame :])
    if len(lame) == _LAME_BYTES:
        lame[22] &= 0xF0  # the padding at the end of the whole file
        lame[23] = 0
    short = head[: tag.name] + b"Info" + bytes(4) + lame
    return short + bytes(len(head) - len(short))


def _write(target: Path, head: bytes, file: BinaryIO, start: int, end: int) -> None:
    with target.open("xb", buffering=0) as writing:
        writing.write(head)
        while block := os.pread(file.fileno(), min(_BLOCK_BYTES, end - start), start):
            writing.write(block)
            start += len(block)
