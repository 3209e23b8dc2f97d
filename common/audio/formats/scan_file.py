"""Scans a file with the reader of its format, if it is one that Escriba reads by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from common.audio.formats.adts import scan_adts
from common.audio.formats.flac import scan_flac
from common.audio.formats.mp3 import scan_mp3
from common.audio.formats.mp4 import scan_mp4
from common.audio.formats.ogg import scan_ogg
from common.audio.formats.scan import Scan
from common.audio.formats.wav import scan_wav

Reader = Callable[[BinaryIO, int], Scan | None]


def scan_file(path: Path) -> Scan | None:
    """None for a file of another format, and for one that is not plainly of its own: ffmpeg then looks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise  # our own mistake, not the uploader's
    except OSError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        size = os.fstat(descriptor).st_size
        scans = (read(file, size) for read in _readers(os.pread(descriptor, 16, 0)))
        return next((scan for scan in scans if scan), None)


def _readers(head: bytes) -> tuple[Reader, ...]:
    """The readers that may know a file which begins with `head`."""
    if head.startswith(b"OggS"):
        return (scan_ogg,)
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return (scan_wav,)
    if head.startswith(b"fLaC"):
        return (scan_flac,)
    if head[4:8] == b"ftyp":
        return (scan_mp4,)
    if head.startswith((b"ID3", b"\xff", b"\0", b"TAG", b"APETAGEX")):
        return (scan_mp3, scan_adts)
    return ()
