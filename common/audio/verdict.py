"""What it means when ffmpeg ends as it did: its exit and its last words to one of our errors. Pure.

Words count only on lines of level error or fatal (`-loglevel level+…` marks them), since the rest of a
log quotes the tags of the file, and those a stranger wrote.
"""

from __future__ import annotations

import re
import signal

from common.errors import (
    AudioRefused,
    AudioTooCostly,
    AudioTrackMissing,
    AudioTruncated,
    AudioUnreadable,
    StorageFull,
)

_COMPLAINT = re.compile(r"^(?:\[[^\]\n]*\] )*\[(?:error|fatal|panic)\] .*$", re.MULTILINE)

# The first that is found decides.
_MEANINGS: tuple[tuple[str, type[AudioRefused | StorageFull]], ...] = (
    ("No space left on device", StorageFull),
    ("Disk quota exceeded", StorageFull),
    ("Cannot allocate memory", AudioTooCostly),
    ("Stream map '' matches no streams", AudioTrackMissing),
    ("does not contain any stream", AudioTrackMissing),
    ("moov atom not found", AudioTruncated),
    ("End of file", AudioTruncated),
)

# Ours, the kernel's or the memory limit's: it went past a bound. SIGABRT is what C++ makes of bad_alloc.
_OUT_OF_BOUNDS = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGABRT})


def verdict(code: int, log: str) -> AudioRefused | StorageFull | None:
    """The error that the end of a run stands for, or None when it went well.

    `code` is the exit status, or the negated number of the signal that ended it.
    """
    if code == 0:
        return None
    if -code in _OUT_OF_BOUNDS or "received signal 24" in log:  # SIGXCPU, which ffmpeg catches
        return AudioTooCostly()
    said = complaints(log)
    return next((error() for words, error in _MEANINGS if words in said), AudioUnreadable())


def complaints(log: str) -> str:
    """The lines in which ffmpeg says that something is wrong."""
    return "\n".join(_COMPLAINT.findall(log))
