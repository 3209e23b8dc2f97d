"""Copies a piece out of an mp3 or m4a without ffmpeg, where its format is plain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from common.audio.ffmpeg import DISK_FULL
from common.audio.formats.mp3_slice import slice_mp3
from common.audio.formats.mp4_slice import slice_mp4
from common.audio.formats.slice import Slice
from common.cancellation import run_to_end
from common.errors import StorageFull

_Slicer = Callable[[Path, Path, float, float | None], Slice | None]
_SLICERS: dict[str, _Slicer] = {"mp3": slice_mp3, "m4a": slice_mp4}  # by the extension of the engine's file


async def slice_file(
    format_: str, source: Path, target: Path, start: float = 0.0, length: float | None = None
) -> Slice | None:
    """Write `target`: the sound of `source` from `start`, over `length` seconds or to the end.

    None, and no file, where ffmpeg shall do it. Raises StorageFull.
    """
    if (work := _SLICERS.get(format_)) is None:
        return None
    try:
        return await run_to_end(asyncio.to_thread(_slice, work, source, target, start, length))
    except OSError as exc:
        if exc.errno in DISK_FULL:
            raise StorageFull from exc
        raise


def _slice(work: _Slicer, source: Path, target: Path, start: float, length: float | None) -> Slice | None:
    target.unlink(missing_ok=True)  # a run that was killed may have left its file
    try:
        return work(source, target, start, length)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
